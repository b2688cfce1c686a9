import { Popover } from "@mantine/core";
import { useTranslation } from "@/shared/i18n/use-translation";
import type { ButtonMenu } from "@/shared/ui/menu-button";
import { PopoverOfButton } from "@/shared/ui/menu-of-button";
import classes from "./parts.module.css";
import { ScopeChip } from "./scope-chips";

export default function AllScopes({ menu, scopes }: { menu: ButtonMenu; scopes: string[] }) {
  const { t } = useTranslation();
  return (
    <PopoverOfButton menu={menu} position="bottom-start" shadow="md" withArrow trapFocus returnFocus>
      <Popover.Dropdown aria-label={t("scopes.title")}>
        <ul className={classes.chipList} data-autofocus tabIndex={-1}>
          {scopes.map((scope) => (
            <li key={scope}>
              <ScopeChip scope={scope} />
            </li>
          ))}
        </ul>
      </Popover.Dropdown>
    </PopoverOfButton>
  );
}
