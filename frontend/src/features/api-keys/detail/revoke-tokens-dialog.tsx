import { useTranslation } from "@/shared/i18n/use-translation";
import { ConfirmDialog } from "@/shared/ui/confirm-dialog";
import { toaster } from "@/shared/ui/toaster-store";
import type { ApiKey } from "../api/api-key";
import { useRevokeTokens } from "../api/revoke-tokens";

export function RevokeTokensDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { t } = useTranslation();
  const revoke = useRevokeTokens();
  return (
    <ConfirmDialog
      title={t("revoke.title")}
      confirm={t("action.revokeTokens")}
      pending={revoke.isPending}
      error={revoke.error}
      onClose={onClose}
      onConfirm={() =>
        revoke.mutate(apiKey.client_id, {
          onSuccess: () => {
            toaster.show({ tone: "success", message: t("revoke.done", { name: apiKey.name }) });
            onClose();
          },
        })
      }
    >
      {t("revoke.message")}
    </ConfirmDialog>
  );
}
