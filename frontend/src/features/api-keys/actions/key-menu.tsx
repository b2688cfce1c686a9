import { ActionIcon, Menu } from "@mantine/core";
import {
  IconCircleCheck,
  IconCircleOff,
  IconCopy,
  IconDots,
  IconEye,
  IconPencil,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { type RefObject, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useCanWrite } from "@/features/session/session-query";
import { toaster } from "@/shared/ui/toaster-store";
import { useCopy } from "@/shared/ui/use-copy";
import type { ApiKey } from "../api/api-key";
import type { KeyActions } from "./key-actions";

interface KeyMenuProps {
  apiKey: ApiKey;
  actions: KeyActions;
  /** The element that shows the client ID; it is selected where the clipboard can't be written. */
  clientIdRef: RefObject<HTMLElement | null>;
}

const icon = { size: 16, stroke: 1.7, "aria-hidden": true } as const;

/** Everything that can be done to a key of the list. */
export function KeyMenu({ apiKey, actions, clientIdRef }: KeyMenuProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const canWrite = useCanWrite();
  const trigger = useRef<HTMLButtonElement>(null);
  const { copy } = useCopy(clientIdRef);
  const params = { clientId: apiKey.client_id };

  async function copyClientId() {
    if (await copy(apiKey.client_id)) toaster.show({ tone: "success", message: t("clientId.copied") });
    else toaster.show({ tone: "error", message: t("copy.manual") });
  }

  return (
    <Menu>
      <Menu.Target>
        <ActionIcon ref={trigger} size={30} aria-label={t("list.actionsFor", { name: apiKey.name })}>
          <IconDots size={18} stroke={1.8} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<IconEye {...icon} />}
          onClick={() => void navigate({ to: "/api-keys/$clientId", params })}
        >
          {t("action.view")}
        </Menu.Item>
        <Menu.Item leftSection={<IconCopy {...icon} />} onClick={() => void copyClientId()}>
          {t("action.copyClientId")}
        </Menu.Item>
        {canWrite && (
          <>
            <Menu.Item
              leftSection={<IconPencil {...icon} />}
              onClick={() => void navigate({ to: "/api-keys/$clientId/edit", params })}
            >
              {t("action.edit")}
            </Menu.Item>
            <Menu.Item leftSection={<IconRefresh {...icon} />} onClick={() => actions.rotate(apiKey, trigger.current)}>
              {t("action.rotate")}
            </Menu.Item>
            {apiKey.status === "active" ? (
              <Menu.Item
                leftSection={<IconCircleOff {...icon} />}
                onClick={() => actions.setStatus(apiKey, "inactive")}
              >
                {t("action.deactivate")}
              </Menu.Item>
            ) : (
              <Menu.Item
                leftSection={<IconCircleCheck {...icon} />}
                onClick={() => actions.setStatus(apiKey, "active")}
              >
                {t("action.activate")}
              </Menu.Item>
            )}
            <Menu.Divider />
            <Menu.Item
              data-danger
              leftSection={<IconTrash {...icon} />}
              onClick={() => actions.remove(apiKey, trigger.current)}
            >
              {t("action.delete")}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
