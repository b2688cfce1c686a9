import "@mantine/core/styles/Tabs.layer.css";
import { Skeleton, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { CopyButton } from "@/shared/ui/copy-button";
import { ProblemAlert } from "@/shared/ui/problem-alert";
import { issuerQuery } from "../api/issuer";
import classes from "./secret.module.css";
import { type Snippet, snippets } from "./snippets";

interface SnippetTabsProps {
  clientId: string;
  clientSecret?: string;
  /** Called when a text that contains the secret was copied. */
  onSecretCopied?: () => void;
}

function SnippetCode({ snippet, onCopied }: { snippet: Snippet; onCopied?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const target = useRef<HTMLPreElement>(null);
  return (
    <div className={classes.snippet}>
      <div className={classes.snippetBar}>
        <span>{t(`snippets.about.${snippet.id}`)}</span>
        <CopyButton
          appearance="button"
          value={snippet.code}
          label={t("snippets.copy", { name: snippet.title })}
          target={target}
          onCopied={snippet.holdsSecret ? onCopied : undefined}
        />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard */}
      <section className={classes.code} tabIndex={0} aria-label={snippet.title}>
        <pre ref={target}>{snippet.code}</pre>
      </section>
    </div>
  );
}

/** Example programs that use the key, one per tab. They are shown once the service's address is known. */
export function SnippetTabs({ clientId, clientSecret, onSecretCopied }: SnippetTabsProps) {
  const { t } = useTranslation();
  const { data: issuer, error, isFetching, refetch } = useQuery(issuerQuery);
  if (issuer === undefined) {
    return error ? (
      <ProblemAlert error={error} title={t("snippets.failed")} onRetry={() => void refetch()} retrying={isFetching} />
    ) : (
      <Skeleton height={200} radius="md" aria-hidden />
    );
  }
  const all = snippets(issuer, clientId, clientSecret);
  return (
    <Tabs defaultValue={clientSecret ? "env" : "curlToken"} keepMounted={false}>
      <Tabs.List className={classes.tabs} aria-label={t("snippets.label")}>
        {all.map((snippet) => (
          <Tabs.Tab key={snippet.id} value={snippet.id}>
            {snippet.title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {all.map((snippet) => (
        <Tabs.Panel key={snippet.id} value={snippet.id} pt={12}>
          <SnippetCode snippet={snippet} onCopied={onSecretCopied} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
