import { useTranslation } from "react-i18next";
import { useFormat } from "@/shared/i18n/use-format";
import { useNow } from "@/shared/i18n/use-now";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { toaster } from "@/shared/ui/toaster-store";
import type { SecretInfo } from "../api/api-key";
import { useRetireSecret } from "../api/retire-secret";

interface RetireDialogProps {
  clientId: string;
  secret: SecretInfo;
  onClose: () => void;
}

export function RetireDialog({ clientId, secret, onClose }: RetireDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const now = useNow();
  const retire = useRetireSecret();
  const used = secret.last_used_at
    ? t("retire.lastUsed", { when: format.relative(secret.last_used_at, now) })
    : t("retire.neverUsed");
  return (
    <ConfirmDialog
      title={t("retire.title")}
      confirm={t("secrets.retire")}
      pending={retire.isPending}
      error={retire.error}
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
      {t("retire.message", { lastFour: secret.last_four })} {used}
    </ConfirmDialog>
  );
}
