import { Button, Stack } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { type FormEvent, useEffect, useState } from "react";
import { ApiError } from "@/shared/api/api-error";
import { rejectedFields } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ButtonLink } from "@/shared/ui/button-link";
import { EmptyState } from "@/shared/ui/empty-state";
import { EntrancePage } from "@/shared/ui/entrance-page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { useFailures } from "@/shared/ui/use-failures";
import { useAcceptInvitation } from "./accept-invitation";
import { invitationToken } from "./invitation-token";
import { passwordProblem } from "./new-password";
import { NewPasswordFields } from "./new-password-fields";

interface InvitationProps {
  /** Empty when the page was opened without a link. */
  token: string;
  onDone: () => void;
}

function Invitation({ token, onDone }: InvitationProps) {
  const { t } = useTranslation();
  const accept = useAcceptInvitation();
  const [value, setValue] = useState({ password: "", repeated: "" });
  const { ref, failed, fail } = useFailures();
  const problem = failed ? passwordProblem(value.password, value.repeated) : undefined;
  const rejected = rejectedFields(accept.error, (path) => (path === "password" ? "password" : undefined)).length > 0;
  const dead = token === "" || (accept.error instanceof ApiError && accept.error.code === "invitation/not-found");

  function submit(event: FormEvent) {
    event.preventDefault();
    if (passwordProblem(value.password, value.repeated)) fail();
    else accept.mutate({ token, password: value.password }, { onSuccess: onDone, onError: fail });
  }

  return (
    <EntrancePage
      documentTitle={t("invitation.title")}
      heading={dead ? undefined : { title: t("invitation.heading"), lead: t("invitation.lead") }}
    >
      {dead ? (
        <div role="alert">
          <EmptyState
            heading="h1"
            icon={<IconLinkOff size={22} stroke={1.6} />}
            title={token === "" ? t("invitation.missing.title") : t("invitation.dead.title")}
            action={
              <ButtonLink to="/sign-in" search={{}} variant="default">
                {t("invitation.toSignIn")}
              </ButtonLink>
            }
          >
            {token === "" ? t("invitation.missing.text") : t("invitation.dead.text")}
          </EmptyState>
        </div>
      ) : (
        <form ref={ref} onSubmit={submit} noValidate aria-label={t("invitation.title")}>
          <Stack gap="md">
            {accept.error && !rejected && <ProblemAlert error={accept.error} />}
            <NewPasswordFields
              value={value}
              problem={problem ?? (rejected ? "rejected" : undefined)}
              onChange={(next) => {
                setValue(next);
                if (accept.error) accept.reset();
              }}
            />
            <Button type="submit" fullWidth mt={4} loading={accept.isPending}>
              {t("invitation.submit")}
            </Button>
          </Stack>
        </form>
      )}
    </EntrancePage>
  );
}

/** The target of a one-time link: sets the password of an operator who was invited or whose password is being reset. */
export function InvitationPage({ onDone }: { onDone: () => void }) {
  const [token, setToken] = useState(invitationToken.peek);
  // Opening another link in the tab that shows this page changes only the fragment, which reloads nothing.
  useEffect(() => invitationToken.handTo(setToken), []);
  return <Invitation key={token} token={token} onDone={onDone} />;
}
