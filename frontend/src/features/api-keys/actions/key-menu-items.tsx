import { Menu } from "@mantine/core";
import {
  IconCircleCheck,
  IconCircleOff,
  IconCopy,
  IconEye,
  IconPencil,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import type { RefObject } from "react";
import { useCanWrite } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { ButtonMenu } from "@/shared/ui/menu-button";
import { MenuOfButton } from "@/shared/ui/menu-of-button";
import { toaster } from "@/shared/ui/toaster-store";
import { useCopy } from "@/shared/ui/use-copy";
import type { ApiKey } from "../api/api-key";
import type { KeyActions } from "./key-actions";

interface KeyMenuItemsProps {
  menu: ButtonMenu;
  apiKey: ApiKey;
  actions: KeyActions;
  clientIdRef: RefObject<HTMLElement | null>;
}

const icon = { size: 16, stroke: 1.7, "aria-hidden": true } as const;

export default function KeyMenuItems({ menu, apiKey, actions, clientIdRef }: KeyMenuItemsProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const canWrite = useCanWrite();
  const { copy } = useCopy(clientIdRef);
  const params = { clientId: apiKey.client_id };

  async function copyClientId() {
    if (await copy(apiKey.client_id)) toaster.show({ tone: "success", message: t("clientId.copied") });
    else toaster.show({ tone: "error", message: t("copy.manual") });
  }

  return (
    <MenuOfButton menu={menu}>
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
            <Menu.Item leftSection={<IconRefresh {...icon} />} onClick={() => actions.rotate(apiKey)}>
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
            <Menu.Item data-danger leftSection={<IconTrash {...icon} />} onClick={() => actions.remove(apiKey)}>
              {t("action.delete")}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </MenuOfButton>
  );
}
