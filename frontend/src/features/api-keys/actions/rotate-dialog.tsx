// The dialog that shows the secret must be loaded before there is a secret to show.
import "../secret/secret-dialog";
import { Button, Group, Text } from "@mantine/core";
import { useState } from "react";
import { Trans } from "react-i18next";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ChoiceCards } from "@/shared/ui/choice-cards";
import { Dialog, DialogCancel } from "@/shared/ui/dialog";
import { useHold } from "@/shared/ui/leave-guard";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { WarningNote } from "@/shared/ui/warning-note";
import { type ApiKey, currentSecret, type IssuedSecret, oldSecret, type SecretInfo } from "../api/api-key";
import { useFreshKey } from "../api/get-api-key";
import { useRotateSecret } from "../api/rotate-secret";
import { useEvidence } from "../parts/evidence";
import { EvidenceNote } from "../parts/evidence-note";
import { gracePeriods } from "../parts/grace";
import classes from "./dialogs.module.css";
import { RetireDialog } from "./retire-dialog";

interface RotateDialogProps {
  apiKey: ApiKey;
  onClose: () => void;
  onIssued: (issued: IssuedSecret) => void;
}

const grace = { now: 0, ...gracePeriods } as const;
type Choice = keyof typeof grace;
const choices: readonly Choice[] = ["now", "hour", "day", "week"];

export default function RotateDialog({ apiKey, onClose, onIssued }: RotateDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const rotate = useRotateSecret();
  const [chosen, setChosen] = useState<Choice>("day");
  const [retiring, setRetiring] = useState<SecretInfo | null>(null);
  const { key, etag, checked } = useFreshKey(apiKey);
  const old = oldSecret(key);
  const current = currentSecret(key);
  const evidence = useEvidence(apiKey.client_id);
  // Never three valid secrets: while an earlier one is still in its grace period, only "now" is left. It ends both, so it is
  // not chosen for the operator, who may have meant to keep one when somebody else rotated.
  const choice = old && chosen !== "now" ? null : chosen;
  useHold(rotate.isPending);

  function askToRetire(secret: SecretInfo) {
    rotate.reset();
    setRetiring(secret);
  }

  function submit() {
    if (choice === null) return;
    rotate.mutate(
      { clientId: apiKey.client_id, etag, gracePeriodSeconds: grace[choice] },
      {
        onSuccess: (issued) => {
          rotate.reset();
          onIssued(issued);
        },
      },
    );
  }

  return (
    <>
      <Dialog onClose={onClose} closeOnEscape={!retiring} title={t("rotate.title")} size="lg" busy={rotate.isPending}>
        <Text size="md">
          <Trans t={t} i18nKey="rotate.message" values={{ name: apiKey.name }} components={{ b: <strong /> }} />
        </Text>
        {current && (
          <EvidenceNote secret={current}>
            {t("evidence.ofCurrent", { lastFour: current.last_four, evidence: evidence(current) })}
          </EvidenceNote>
        )}
        {old?.expires_at && (
          <WarningNote>
            {t("rotate.inProgress", { lastFour: old.last_four, until: format.dateTime(old.expires_at) })}{" "}
            {t("evidence.ofOld", { evidence: evidence(old) })}
            <Button
              variant="default"
              size="compact-sm"
              mt={8}
              display="block"
              disabled={rotate.isPending}
              onClick={() => askToRetire(old)}
            >
              {t("secrets.retire")}
            </Button>
          </WarningNote>
        )}
        <ChoiceCards
          label={t("rotate.question")}
          value={choice}
          choices={choices.map((each) => ({
            value: each,
            title: t(`rotate.${each}.title`),
            text: each === "now" && old ? t("rotate.now.both") : t(`rotate.${each}.text`),
            disabled: old !== undefined && each !== "now",
          }))}
          onChange={setChosen}
          data-autofocus
        />
        {rotate.error && (
          <div className={classes.problem}>
            <ProblemAlert error={rotate.error} />
          </div>
        )}
        <Group justify="flex-end" gap="xs" mt="xl">
          <DialogCancel />
          <Button
            color={choice === "now" ? "red" : undefined}
            disabled={choice === null || !checked}
            loading={rotate.isPending}
            onClick={submit}
          >
            {t("action.rotate")}
          </Button>
        </Group>
      </Dialog>
      {retiring && (
        <RetireDialog nested clientId={apiKey.client_id} secret={retiring} onClose={() => setRetiring(null)} />
      )}
    </>
  );
}
