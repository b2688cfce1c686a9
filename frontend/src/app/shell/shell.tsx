import { ActionIcon } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconMenu2 } from "@tabler/icons-react";
import { Outlet, useLocation } from "@tanstack/react-router";
import { type MouseEvent, useEffect, useRef } from "react";
import { ReauthenticationGate } from "@/features/session/reauthentication-gate";
import { useTranslation } from "@/shared/i18n/use-translation";
import { BrandMark } from "@/shared/ui/brand-mark";
import { whenShown } from "@/shared/ui/on-demand";
import { useInterrupted } from "@/shared/ui/use-interrupted";
import { OperatorMenu } from "./operator-menu";
import classes from "./shell.module.css";
import { SideNav } from "./side-nav";
import { TenancyBrand } from "./tenancy-brand";

const NavDrawer = whenShown(() => import("./nav-drawer"));

/**
 * Moves the focus to the new page's content when the path changes, but not when only the search parameters do. If the
 * operator has to sign in again, it waits until they have.
 */
function useFocusOnNavigation(pathname: string) {
  const previous = useRef(pathname);
  const interrupted = useInterrupted();
  useEffect(() => {
    if (interrupted || previous.current === pathname) return;
    previous.current = pathname;
    document.getElementById("main")?.focus({ preventScroll: true });
  }, [pathname, interrupted]);
}

/** Moves the focus itself: a new hash in the URL would be a navigation, which a form with unsaved changes blocks. */
function skip(event: MouseEvent) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

export function Shell() {
  const { t } = useTranslation();
  const { pathname } = useLocation();
  const [menuOpened, menu] = useDisclosure(false);
  useFocusOnNavigation(pathname);

  return (
    <div className={classes.shell}>
      {/* biome-ignore lint/a11y/useValidAnchor: it is a real link to a place on the page; only the new hash is prevented */}
      <a className={classes.skip} href="#main" onClick={skip}>
        {t("shell.skip")}
      </a>
      <header className={classes.topBar}>
        <ActionIcon size={34} aria-label={t("shell.openMenu")} aria-expanded={menuOpened} onClick={menu.open}>
          <IconMenu2 size={20} stroke={1.8} />
        </ActionIcon>
        <BrandMark size={24} />
        <TenancyBrand />
        <div className={classes.topBarMenu}>
          <OperatorMenu compact />
        </div>
      </header>
      <aside className={classes.side}>
        <SideNav />
        <OperatorMenu />
      </aside>
      <main id="main" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
      {menuOpened && <NavDrawer onClose={menu.close} />}
      <ReauthenticationGate />
    </div>
  );
}
