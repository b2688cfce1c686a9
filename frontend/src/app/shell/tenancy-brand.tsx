import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import classes from "./shell.module.css";

/** What this is, and whose keys are in it: somebody may work for several customers. */
export function TenancyBrand() {
  const { t } = useTranslation();
  const { tenancy } = useSession();
  return (
    <div className={classes.brandText}>
      <span className={classes.brandName}>{t("app.name")}</span>
      <span className={classes.tenancy} title={tenancy.name} dir="auto">
        {tenancy.name}
      </span>
    </div>
  );
}
