import { IconBook, IconChartBar, IconExternalLink, IconHistory, IconKey, IconUsers } from "@tabler/icons-react";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { useSession } from "@/features/session/session-query";
import { useTranslation } from "@/shared/i18n/use-translation";
import { BrandMark } from "@/shared/ui/brand-mark";
import classes from "./shell.module.css";
import { TenancyBrand } from "./tenancy-brand";

interface Place {
  to: NonNullable<LinkProps["to"]>;
  label: string;
  icon: ComponentType<{ size: number; stroke: number }>;
}

export function SideNav({ onNavigate }: { onNavigate?: () => void }) {
  const { t } = useTranslation();
  const { operator } = useSession();
  const places: Place[] = [
    { to: "/api-keys", label: t("nav.apiKeys"), icon: IconKey },
    { to: "/usage", label: t("nav.usage"), icon: IconChartBar },
    { to: "/audit", label: t("nav.audit"), icon: IconHistory },
    ...(operator.role === "admin" ? [{ to: "/operators" as const, label: t("nav.operators"), icon: IconUsers }] : []),
  ];
  return (
    <div className={classes.sideNav}>
      <div className={classes.brand}>
        <BrandMark size={30} />
        <TenancyBrand />
      </div>
      <nav aria-label={t("nav.label")}>
        <ul className={classes.places}>
          {places.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <Link to={to} className={classes.place} activeOptions={{ includeSearch: false }} onClick={onNavigate}>
                <Icon size={17} stroke={1.8} />
                {label}
              </Link>
            </li>
          ))}
        </ul>
        <div className={classes.section} id="nav-resources">
          {t("nav.resources")}
        </div>
        <ul className={classes.places} aria-labelledby="nav-resources">
          <li>
            <a className={classes.place} href="/docs/" target="_blank" rel="noreferrer">
              <IconBook size={17} stroke={1.8} />
              {t("nav.reference")}
              <IconExternalLink className={classes.external} size={14} stroke={1.8} aria-label={t("nav.newTab")} />
            </a>
          </li>
        </ul>
      </nav>
    </div>
  );
}
