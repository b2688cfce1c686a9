import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useMemo, useState } from "react";
import { problemMessage } from "@/shared/api/problem-message";
import { useTranslation } from "@/shared/i18n/use-translation";
import { whenShown } from "@/shared/ui/on-demand";
import { toaster } from "@/shared/ui/toaster-store";
import type { ApiKey, ApiKeyStatus, IssuedSecret } from "../api/api-key";
import { isSettingStatus, useSetStatus } from "../api/set-status";

const DeleteDialog = whenShown(() => import("./delete-dialog"));
const RotateDialog = whenShown(() => import("./rotate-dialog"));
const SecretDialog = whenShown(() => import("../secret/secret-dialog"));

type Open = { dialog: "rotate" | "delete"; key: ApiKey } | { dialog: "secret"; issued: IssuedSecret } | null;

export interface KeyActions {
  setStatus: (key: ApiKey, status: ApiKeyStatus) => void;
  rotate: (key: ApiKey) => void;
  remove: (key: ApiKey) => void;
}

interface UseKeyActions {
  actions: KeyActions;
  /** The screen that uses the actions must render this once. */
  dialogs: ReactNode;
}

/** What can be done with a key, shared by the list and the key's page. */
export function useKeyActions({ onDeleted }: { onDeleted: () => void }): UseKeyActions {
  const { t } = useTranslation();
  const queryClient = useQueryClient();
  const { mutateAsync } = useSetStatus();
  const [open, setOpen] = useState<Open>(null);

  const setStatus = useCallback(
    (key: Pick<ApiKey, "client_id" | "name">, status: ApiKeyStatus, undone = false) => {
      // If two status changes of one key ran at once, either could win.
      if (isSettingStatus(queryClient, key.client_id)) return;
      // Callbacks passed to mutate run only for the latest call, and never once the screen has unmounted.
      mutateAsync({ clientId: key.client_id, status }).then(
        () => {
          const message = t(
            status === "inactive" ? "setStatus.deactivated" : undone ? "setStatus.undone" : "setStatus.activated",
            { name: key.name },
          );
          const undo = { label: t("action.undo"), run: () => setStatus(key, "active", true) };
          toaster.show({ tone: "success", message, ...(status === "inactive" && { action: undo }) });
        },
        (error: unknown) => {
          const what = t(status === "active" ? "setStatus.activateFailed" : "setStatus.deactivateFailed", {
            name: key.name,
          });
          toaster.show({ tone: "error", message: `${what} ${problemMessage(t, error)}` });
        },
      );
    },
    [queryClient, mutateAsync, t],
  );

  const close = () => setOpen(null);

  const actions: KeyActions = useMemo(
    () => ({
      setStatus,
      rotate: (key) => setOpen({ dialog: "rotate", key }),
      remove: (key) => setOpen({ dialog: "delete", key }),
    }),
    [setStatus],
  );

  const dialogs = (
    <>
      {open?.dialog === "rotate" && (
        <RotateDialog apiKey={open.key} onClose={close} onIssued={(issued) => setOpen({ dialog: "secret", issued })} />
      )}
      {open?.dialog === "delete" && (
        <DeleteDialog
          apiKey={open.key}
          onClose={close}
          onDeleted={() => {
            setOpen(null);
            toaster.show({ tone: "success", message: t("delete.done", { name: open.key.name }) });
            onDeleted();
          }}
        />
      )}
      {open?.dialog === "secret" && (
        <SecretDialog issued={open.issued} reason="rotated" onClose={close} onLeave={close} />
      )}
    </>
  );

  return { actions, dialogs };
}
