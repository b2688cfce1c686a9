import { Button, Stack, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { ApiError } from "@/shared/api/api-error";
import { useTranslation } from "@/shared/i18n/use-translation";
import { PasswordField } from "@/shared/ui/password-field";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useFailures } from "@/shared/ui/use-failures";
import type { Session } from "./session-query";
import { useSignIn } from "./sign-in";
import classes from "./sign-in-form.module.css";

interface SignInFormProps {
  /** Given when signing in again: the operator is known and can't be changed. */
  email?: string;
  onSignedIn: (session: Session) => void;
}

export function SignInForm({ email, onSignedIn }: SignInFormProps) {
  const { t } = useTranslation();
  const signIn = useSignIn();
  const password = useRef<HTMLInputElement>(null);
  const [values, setValues] = useState({ email: email ?? "", password: "" });
  /** `failed`: whether the form was submitted with empty fields since the service last answered. */
  const { ref, failed, fail, forget } = useFailures();
  const emailMissing = failed && values.email.trim() === "";
  const passwordMissing = failed && values.password === "";
  const refused = signIn.error instanceof ApiError && signIn.error.status === 401;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (values.email.trim() === "" || values.password === "") {
      fail();
      return;
    }
    signIn.mutate(
      { email: values.email.trim(), password: values.password },
      {
        onSuccess: onSignedIn,
        onError: () => {
          forget();
          setValues((before) => ({ ...before, password: "" }));
          password.current?.focus();
        },
      },
    );
  }

  return (
    <form ref={ref} onSubmit={submit} noValidate aria-label={t("signIn.title")}>
      <Stack gap="md">
        {refused && (
          <div role="alert" className={classes.refused}>
            {t("signIn.refused")}
          </div>
        )}
        {signIn.error && !refused && <ProblemAlert error={signIn.error} />}
        <TextInput
          label={t("signIn.email")}
          type="email"
          autoComplete="username"
          inputMode="email"
          readOnly={email !== undefined}
          data-autofocus={email === undefined || undefined}
          value={values.email}
          error={emailMissing && t("signIn.emailMissing")}
          onChange={(event) => setValues({ ...values, email: event.currentTarget.value })}
        />
        <PasswordField
          ref={password}
          label={t("signIn.password")}
          autoComplete="current-password"
          data-autofocus={email !== undefined || undefined}
          value={values.password}
          error={passwordMissing && t("signIn.passwordMissing")}
          onChange={(event) => setValues({ ...values, password: event.currentTarget.value })}
        />
        <Button type="submit" fullWidth mt={4} loading={signIn.isPending}>
          {t("signIn.submit")}
        </Button>
      </Stack>
    </form>
  );
}
