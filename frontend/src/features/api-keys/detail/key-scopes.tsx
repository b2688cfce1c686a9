import { useMemo } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { Card } from "@/shared/ui/card";
import { useScopeCatalogue } from "../api/scope-catalogue";
import { accessTypes, pickerGroups, unlistedScopes } from "../form/scope-selection";
import classes from "./detail.module.css";

interface Granted {
  title: string;
  lines: { scope: string; label: string }[];
}

/** The key's scopes in words, by product; as raw scopes when the catalogue can't be read. */
export function KeyScopes({ scopes }: { scopes: string[] }) {
  const { t, language } = useTranslation();
  const { data } = useScopeCatalogue();

  const groups = useMemo((): Granted[] => {
    if (!data) return [];
    const all = pickerGroups(data);
    const granted = all.map((group) => ({
      title: group.label[language],
      lines: group.rows.flatMap((row) =>
        accessTypes.flatMap((access) => {
          const scope = row.scopes[access];
          if (scope === undefined || !scopes.includes(scope)) return [];
          const feature = row.wholeProduct ? t("form.scopes.wholeProduct") : row.label[language];
          return [{ scope, label: `${feature} · ${t(`access.${access}`)}` }];
        }),
      ),
    }));
    const unlisted = unlistedScopes(all, scopes).map((scope) => ({ scope, label: scope }));
    return [...granted, { title: t("form.scopes.unlisted"), lines: unlisted }].filter(
      (group) => group.lines.length > 0,
    );
  }, [data, scopes, language, t]);

  return (
    <Card title={t("key.scopes")} aside={<span className={classes.count}>{scopes.length}</span>}>
      <div className={classes.granted}>
        {data ? (
          groups.map((group) => (
            <div key={group.title}>
              <h3 className={classes.product}>{group.title}</h3>
              <ul className={classes.scopes}>
                {group.lines.map((line) => (
                  <li key={line.scope}>
                    <span>{line.label}</span>
                    <code>{line.scope}</code>
                  </li>
                ))}
              </ul>
            </div>
          ))
        ) : (
          <ul className={classes.scopes}>
            {scopes.map((scope) => (
              <li key={scope}>
                <code>{scope}</code>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Card>
  );
}
