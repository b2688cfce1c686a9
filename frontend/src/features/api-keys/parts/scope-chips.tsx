import { Popover, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import classes from "./parts.module.css";

/** A scope. Where room is short, the place gives way; the type of access always stays readable. */
export function ScopeChip({ scope }: { scope: string }) {
  const [place, access] = scope.split(":");
  return (
    <code className={classes.chip} title={scope}>
      <span className={classes.chipPlace}>{place}</span>
      {access && <span className={classes.chipAccess}>:{access}</span>}
    </code>
  );
}

const SHOWN = 2;

/** The first scopes as chips; the others unfold. */
export function ScopeChips({ scopes }: { scopes: string[] }) {
  const { t } = useTranslation();
  const shown = scopes.slice(0, SHOWN);
  const hidden = scopes.length - shown.length;
  return (
    <div className={classes.chips}>
      {shown.map((scope, index) => (
        <span key={scope} className={classes.chipLine}>
          <ScopeChip scope={scope} />
          {hidden > 0 && index === shown.length - 1 && (
            <Popover position="bottom-start" shadow="md" withArrow trapFocus returnFocus>
              <Popover.Target>
                <UnstyledButton className={classes.more} aria-label={t("scopes.showAll", { count: scopes.length })}>
                  +{hidden}
                </UnstyledButton>
              </Popover.Target>
              <Popover.Dropdown aria-label={t("scopes.title")}>
                <ul className={classes.chipList} data-autofocus tabIndex={-1}>
                  {scopes.map((each) => (
                    <li key={each}>
                      <ScopeChip scope={each} />
                    </li>
                  ))}
                </ul>
              </Popover.Dropdown>
            </Popover>
          )}
        </span>
      ))}
    </div>
  );
}
