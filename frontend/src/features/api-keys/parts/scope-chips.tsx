import { useTranslation } from "@/shared/i18n/use-translation";
import { useMenuButton } from "@/shared/ui/menu-button";
import { onDemand } from "@/shared/ui/on-demand";
import classes from "./parts.module.css";

const AllScopes = onDemand(() => import("./all-scopes"));

/** A scope. When space is short, the product and feature are truncated; the type of access always stays readable. */
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

/** A button that reveals all of a key's scopes. */
function MoreScopes({ scopes, hidden }: { scopes: string[]; hidden: number }) {
  const { t } = useTranslation();
  const { button, menu } = useMenuButton("dialog");
  return (
    <>
      <button
        type="button"
        {...button}
        className={classes.more}
        data-reach="around"
        aria-label={t("scopes.showAll", { count: scopes.length })}
      >
        +{hidden}
      </button>
      {menu && <AllScopes menu={menu} scopes={scopes} />}
    </>
  );
}

/** The first scopes as chips, with a button for the rest. */
export function ScopeChips({ scopes }: { scopes: string[] }) {
  const shown = scopes.slice(0, SHOWN);
  const hidden = scopes.length - shown.length;
  return (
    <div className={classes.chips}>
      {shown.map((scope, index) => (
        <span key={scope} className={classes.chipLine}>
          <ScopeChip scope={scope} />
          {hidden > 0 && index === shown.length - 1 && <MoreScopes scopes={scopes} hidden={hidden} />}
        </span>
      ))}
    </div>
  );
}
