import { Button } from "@mantine/core";
import { useState } from "react";
import { problemMessage } from "@/shared/api/problem-message";
import { useFormat } from "@/shared/i18n/use-format";
import { useTranslation } from "@/shared/i18n/use-translation";
import { toaster } from "@/shared/ui/toaster-store";
import { RetireDialog } from "../actions/retire-dialog";
import { type ApiKey, currentSecret, oldSecret, type SecretInfo } from "../api/api-key";
import { useChangeGrace } from "../api/change-grace";
import { gracePeriods } from "../parts/grace";
import { CancelRotationDialog } from "./cancel-rotation-dialog";
import classes from "./detail.module.css";

const choices = ["hour", "day", "week"] as const;

/** What can be done while two secrets work: end the old one now, sooner or later, or keep it and drop the new one. */
export function GraceControls({ apiKey, old }: { apiKey: ApiKey; old: SecretInfo }) {
  const { t } = useTranslation();
  const format = useFormat();
  const change = useChangeGrace({
    onSuccess: (changed) => {
      const until = oldSecret(changed)?.expires_at;
      if (!until) return;
      const message = t("grace.changed", { lastFour: old.last_four, until: format.dateTime(until) });
      toaster.show({ tone: "success", message });
    },
    onError: (error) => toaster.show({ tone: "error", message: problemMessage(t, error) }),
  });
  const [open, setOpen] = useState<"retire" | "cancel" | null>(null);
  const current = currentSecret(apiKey);

  return (
    <div className={classes.grace}>
      <fieldset className={classes.graceChoices} aria-label={t("grace.label")}>
        <span className={classes.graceLabel} aria-hidden>
          {t("grace.label")}
        </span>
        {choices.map((choice) => (
          <Button
            key={choice}
            variant="default"
            size="compact-sm"
            loading={change.isPending && change.variables?.seconds === gracePeriods[choice]}
            disabled={change.isPending}
            onClick={() =>
              change.mutate({ clientId: apiKey.client_id, secretId: old.id, seconds: gracePeriods[choice] })
            }
          >
            {t(`grace.${choice}`)}
          </Button>
        ))}
      </fieldset>
      <div className={classes.graceChoices}>
        <Button variant="default" size="compact-sm" onClick={() => setOpen("retire")}>
          {t("secrets.retire")}
        </Button>
        {current && (
          <Button variant="default" size="compact-sm" onClick={() => setOpen("cancel")}>
            {t("grace.cancelRotation")}
          </Button>
        )}
      </div>
      {open === "retire" && <RetireDialog clientId={apiKey.client_id} secret={old} onClose={() => setOpen(null)} />}
      {open === "cancel" && current && (
        <CancelRotationDialog clientId={apiKey.client_id} old={old} current={current} onClose={() => setOpen(null)} />
      )}
    </div>
  );
}
