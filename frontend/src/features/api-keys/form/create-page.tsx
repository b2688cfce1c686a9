import { useCanGoBack, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { BackLink } from "@/shared/ui/back-link";
import { LeaveGuard, useHold } from "@/shared/ui/leave-guard";
import { Page } from "@/shared/ui/page";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import type { IssuedSecret } from "../api/api-key";
import { useCreateApiKey } from "../api/create-api-key";
import { rateLimitOf } from "../parts/rate-limit";
import { WriteGate } from "../parts/write-gate";
import SecretDialog from "../secret/secret-dialog";
import { KeyFields } from "./key-fields";
import { emptyValues, type KeyValues, lifespanOf } from "./key-values";
import { useKeyForm } from "./use-key-form";

/** Adds a key, then shows its secret. `onDone` leaves for the list. */
export function CreatePage({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const keyForm = useKeyForm(emptyValues);
  const create = useCreateApiKey();
  const [issued, setIssued] = useState<IssuedSecret | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  useHold(create.isPending);

  function submit(values: KeyValues) {
    setProblem(null);
    create.mutate(
      {
        name: values.name.trim(),
        description: values.description,
        scopes: values.scopes,
        token_lifespan: lifespanOf(values),
        rate_limit: rateLimitOf(values.rateLimit),
      },
      {
        onSuccess: (secret) => {
          create.reset();
          setIssued(secret);
        },
        onError: (error) => {
          if (!keyForm.showRejected(error)) setProblem(error);
        },
      },
    );
  }

  return (
    <>
      <WriteGate title={t("form.addTitle")}>
        <Page
          width="form"
          title={t("form.addTitle")}
          description={t("form.addDescription")}
          back={<BackLink to="/api-keys">{t("list.title")}</BackLink>}
        >
          <KeyFields
            keyForm={keyForm}
            pending={create.isPending}
            problem={problem ? <ProblemAlert error={problem} /> : undefined}
            onSubmit={submit}
            onCancel={() => (canGoBack ? router.history.back() : void router.navigate({ to: "/api-keys" }))}
          />
          <LeaveGuard
            when={issued === null && !create.isPending && keyForm.form.isDirty()}
            title={t("leave.title")}
            message={t("leave.addMessage")}
            stay={t("leave.stay")}
            leave={t("leave.discard")}
          />
        </Page>
      </WriteGate>
      {/* Outside of the gate: the secret stays on the screen even if the operator loses the right to write meanwhile. */}
      {issued && (
        <SecretDialog
          issued={issued}
          reason="created"
          onClose={() => {
            setIssued(null);
            onDone();
          }}
        />
      )}
    </>
  );
}
