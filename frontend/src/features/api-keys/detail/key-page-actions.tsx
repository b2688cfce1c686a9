import { ActionIcon, Button, Menu } from "@mantine/core";
import {
  IconBan,
  IconCircleCheck,
  IconCircleOff,
  IconDots,
  IconPencil,
  IconRefresh,
  IconTrash,
} from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { ButtonLink } from "@/shared/ui/button-link";
import { ignoreHeldEnter } from "@/shared/ui/ignore-held-enter";
import type { KeyActions } from "../actions/key-actions";
import type { ApiKey } from "../api/api-key";
import { RevokeTokensDialog } from "./revoke-tokens-dialog";

interface KeyPageActionsProps {
  apiKey: ApiKey;
  actions: KeyActions;
}

/** What an operator who may write can do with the key. */
export function KeyPageActions({ apiKey, actions }: KeyPageActionsProps) {
  const { t } = useTranslation();
  const [revoking, setRevoking] = useState(false);
  const active = apiKey.status === "active";
  const icon = { size: 16, stroke: 1.7, "aria-hidden": true } as const;
  return (
    <>
      <ButtonLink
        to="/api-keys/$clientId/edit"
        params={{ clientId: apiKey.client_id }}
        variant="default"
        leftSection={<IconPencil {...icon} />}
      >
        {t("action.edit")}
      </ButtonLink>
      <Button
        variant="default"
        leftSection={active ? <IconCircleOff {...icon} /> : <IconCircleCheck {...icon} />}
        // The button turns into its opposite at once, so neither the second half of a double click nor a held
        // Enter may press it.
        onClick={({ detail }) => {
          if (detail < 2) actions.setStatus(apiKey, active ? "inactive" : "active");
        }}
        onKeyDown={ignoreHeldEnter}
      >
        {active ? t("action.deactivate") : t("action.activate")}
      </Button>
      <Button leftSection={<IconRefresh {...icon} />} onClick={() => actions.rotate(apiKey)}>
        {t("action.rotate")}
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon variant="default" size="input-sm" aria-label={t("action.more")}>
            <IconDots size={18} stroke={1.8} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconBan {...icon} />} onClick={() => setRevoking(true)}>
            {t("action.revokeTokens")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item data-danger leftSection={<IconTrash {...icon} />} onClick={() => actions.remove(apiKey)}>
            {t("action.delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {revoking && <RevokeTokensDialog apiKey={apiKey} onClose={() => setRevoking(false)} />}
    </>
  );
}
