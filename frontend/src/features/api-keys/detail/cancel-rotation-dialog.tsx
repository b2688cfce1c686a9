import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { toaster } from "@/shared/ui/toaster-store";
import type { SecretInfo } from "../api/api-key";
import { useCancelRotation } from "../api/change-grace";
import { apiKeyQuery } from "../api/get-api-key";
import { useEvidence } from "../parts/evidence";
import { EvidenceNote } from "../parts/evidence-note";

interface CancelRotationDialogProps {
  clientId: string;
  old: SecretInfo;
  current: SecretInfo;
  onClose: () => void;
}

/** Asks before a rotation is undone, which cuts off whatever already uses the new secret. */
export function CancelRotationDialog({ clientId, old, current, onClose }: CancelRotationDialogProps) {
  const { t } = useTranslation();
  const evidence = useEvidence(clientId);
  const cancel = useCancelRotation();
  // The version that the screen behind shows, with these secrets.
  const { data } = useQuery(apiKeyQuery(clientId));
  return (
    <ConfirmDialog
      title={t("cancelRotation.title")}
      confirm={t("cancelRotation.confirm")}
      cancel={t("cancelRotation.back")}
      pending={cancel.isPending}
      error={cancel.error}
      onClose={onClose}
      onConfirm={() =>
        cancel.mutate(
          { clientId, etag: data?.etag ?? null },
          {
            onSuccess: () => {
              toaster.show({ tone: "success", message: t("cancelRotation.done", { lastFour: old.last_four }) });
              onClose();
            },
          },
        )
      }
    >
      {t("cancelRotation.message", { kept: old.last_four, dropped: current.last_four })}
      <EvidenceNote secret={current}>{t("evidence.ofNew", { evidence: evidence(current) })}</EvidenceNote>
    </ConfirmDialog>
  );
}
