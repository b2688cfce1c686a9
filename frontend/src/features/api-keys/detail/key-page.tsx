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
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCanWrite } from "@/features/session/session-query";
import { BackLink } from "@/shared/ui/back-link";
import { ButtonLink } from "@/shared/ui/button-link";
import { Card } from "@/shared/ui/card";
import { Page } from "@/shared/ui/page";
import { type KeyActions, useKeyActions } from "../actions/key-actions";
import { type ApiKey, oldSecret } from "../api/api-key";
import { apiKeyQuery } from "../api/get-api-key";
import { KeyPageFallback } from "../parts/key-page-fallback";
import { StatusBadge } from "../parts/status-badge";
import { SnippetTabs } from "../secret/snippet-tabs";
import classes from "./detail.module.css";
import { KeyFacts } from "./key-facts";
import { KeyScopes } from "./key-scopes";
import { KeySecrets } from "./key-secrets";
import { RevokeTokensDialog } from "./revoke-tokens-dialog";

/** While two secrets work, their last use is the evidence for retiring the old one. */
const ROTATION_REFRESH_MS = 15_000;

function KeyPageActions({ apiKey, actions }: { apiKey: ApiKey; actions: KeyActions }) {
  const { t } = useTranslation();
  const rotateButton = useRef<HTMLButtonElement>(null);
  const moreButton = useRef<HTMLButtonElement>(null);
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
        onClick={() => actions.setStatus(apiKey, active ? "inactive" : "active")}
      >
        {active ? t("action.deactivate") : t("action.activate")}
      </Button>
      <Button
        ref={rotateButton}
        leftSection={<IconRefresh {...icon} />}
        onClick={() => actions.rotate(apiKey, rotateButton.current)}
      >
        {t("action.rotate")}
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon ref={moreButton} variant="default" size={36} aria-label={t("action.more")}>
            <IconDots size={18} stroke={1.8} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconBan {...icon} />} onClick={() => setRevoking(true)}>
            {t("action.revokeTokens")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            data-danger
            leftSection={<IconTrash {...icon} />}
            onClick={() => actions.remove(apiKey, moreButton.current)}
          >
            {t("action.delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {revoking && <RevokeTokensDialog apiKey={apiKey} onClose={() => setRevoking(false)} />}
    </>
  );
}

/** All facts of a key, its secrets, and how to spend it. */
export function KeyPage({ clientId, onDeleted }: { clientId: string; onDeleted: () => void }) {
  const { t } = useTranslation();
  const canWrite = useCanWrite();
  const query = useQuery({
    ...apiKeyQuery(clientId),
    refetchInterval: ({ state }) => (state.data && oldSecret(state.data.key) ? ROTATION_REFRESH_MS : false),
  });
  const { actions, dialogs } = useKeyActions({ onDeleted });
  const key = query.data?.key;

  return (
    <Page
      title={key?.name ?? t("keyPage.title")}
      badge={key && <StatusBadge status={key.status} />}
      description={key?.description || undefined}
      back={<BackLink to="/api-keys">{t("list.title")}</BackLink>}
      actions={key && canWrite && <KeyPageActions apiKey={key} actions={actions} />}
    >
      {key ? (
        <div className={classes.page}>
          <KeyFacts apiKey={key} />
          <div className={classes.columns}>
            <div className={classes.column}>
              <KeySecrets apiKey={key} />
              <Card title={t("snippets.title")} description={t("snippets.description")}>
                <SnippetTabs clientId={key.client_id} />
              </Card>
            </div>
            <div className={classes.column}>
              <KeyScopes scopes={key.scopes} />
            </div>
          </div>
        </div>
      ) : (
        <KeyPageFallback error={query.error} retrying={query.isFetching} onRetry={() => void query.refetch()} />
      )}
      {dialogs}
    </Page>
  );
}
