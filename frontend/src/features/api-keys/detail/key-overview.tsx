import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import type { ApiKey } from "../api/api-key";
import { SnippetTabs } from "../secret/snippet-tabs";
import classes from "./detail.module.css";
import { KeyFacts } from "./key-facts";
import { KeyScopes } from "./key-scopes";
import { KeySecrets } from "./key-secrets";

/** What the key is, its secrets, and how to use it. */
export function KeyOverview({ apiKey }: { apiKey: ApiKey }) {
  const { t } = useTranslation();
  return (
    <div className={classes.page}>
      <KeyFacts apiKey={apiKey} />
      <div className={classes.columns}>
        <div className={classes.column}>
          <KeySecrets apiKey={apiKey} />
          <Card title={t("snippets.title")} description={t("snippets.description")}>
            <SnippetTabs clientId={apiKey.client_id} />
          </Card>
        </div>
        <div className={classes.column}>
          <KeyScopes scopes={apiKey.scopes} />
        </div>
      </div>
    </div>
  );
}
