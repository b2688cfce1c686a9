import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { toaster } from "@/shared/ui/toaster-store";
import type { SecretInfo } from "../api/api-key";
import { useRetireSecret } from "../api/retire-secret";
import { useEvidence } from "../parts/evidence";
import { EvidenceNote } from "../parts/evidence-note";

interface RetireDialogProps {
  clientId: string;
  secret: SecretInfo;
  /** Whether it opens above another dialog. */
  nested?: boolean;
  onClose: () => void;
}

export function RetireDialog({ clientId, secret, nested = false, onClose }: RetireDialogProps) {
  const { t } = useTranslation();
  const evidence = useEvidence(clientId);
  const retire = useRetireSecret();
  return (
    <ConfirmDialog
      title={t("retire.title")}
      confirm={t("secrets.retire")}
      pending={retire.isPending}
      error={retire.error}
      nested={nested}
      onClose={onClose}
      onConfirm={() =>
        retire.mutate(
          { clientId, secretId: secret.id },
          {
            onSuccess: () => {
              toaster.show({ tone: "success", message: t("retire.done", { lastFour: secret.last_four }) });
              onClose();
            },
          },
        )
      }
    >
      {t("retire.message", { lastFour: secret.last_four })}
      <EvidenceNote secret={secret}>{t("evidence.ofOld", { evidence: evidence(secret) })}</EvidenceNote>
    </ConfirmDialog>
  );
}
