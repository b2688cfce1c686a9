import { Button, CloseButton } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { formatLifespan } from "../parts/lifespan";
import { ScopeChip } from "../parts/scope-chips";
import classes from "./key-form.module.css";
import { isLifespanValid, lifespanOf } from "./key-values";
import { redundantScopes } from "./scope-selection";
import type { KeyForm } from "./use-key-form";

interface SummaryCardProps {
  keyForm: KeyForm;
  pending: boolean;
  problem: ReactNode;
  onCancel: () => void;
}

/** What the key's tokens will be good for, and the form's buttons. */
export function SummaryCard({ keyForm: { form, setScopes }, pending, problem, onCancel }: SummaryCardProps) {
  const { t } = useTranslation();
  const values = form.getValues();
  const redundant = redundantScopes(values.scopes);
  return (
    <Card title={t("form.summary.title")}>
      <p className={classes.summary}>
        {isLifespanValid(values)
          ? t("form.summary.text", { count: values.scopes.length, lifespan: formatLifespan(t, lifespanOf(values)) })
          : t("form.summary.scopesOnly", { count: values.scopes.length })}
      </p>
      {values.scopes.length > 0 && (
        <ul className={classes.chosen} aria-label={t("form.summary.scopes")}>
          {values.scopes.map((scope) => (
            <li key={scope} className={classes.chosenScope}>
              <ScopeChip scope={scope} />
              <CloseButton
                size={24}
                iconSize={14}
                aria-label={t("form.summary.remove", { scope })}
                onClick={() => setScopes(values.scopes.filter((each) => each !== scope))}
              />
            </li>
          ))}
        </ul>
      )}
      {redundant.length > 0 && (
        <div className={classes.redundant}>
          <IconInfoCircle size={16} stroke={1.8} aria-hidden />
          <div>
            {t("form.summary.redundant", { count: redundant.length })}{" "}
            <button
              type="button"
              className={classes.textButton}
              onClick={() => setScopes(values.scopes.filter((scope) => !redundant.includes(scope)))}
            >
              {t("form.summary.removeRedundant")}
            </button>
          </div>
        </div>
      )}
      {problem && <div className={classes.problem}>{problem}</div>}
      <div className={classes.buttons}>
        <Button type="submit" loading={pending}>
          {t("action.save")}
        </Button>
        <Button variant="default" disabled={pending} onClick={onCancel}>
          {t("action.cancel")}
        </Button>
      </div>
    </Card>
  );
}
