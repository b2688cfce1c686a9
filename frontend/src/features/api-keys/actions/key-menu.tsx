import { IconDots } from "@tabler/icons-react";
import type { RefObject } from "react";
import { useTranslation } from "@/shared/i18n/use-translation";
import { IconButton } from "@/shared/ui/icon-button";
import { useMenuButton } from "@/shared/ui/menu-button";
import { onDemand } from "@/shared/ui/on-demand";
import type { ApiKey } from "../api/api-key";
import type { KeyActions } from "./key-actions";

const KeyMenuItems = onDemand(() => import("./key-menu-items"));

interface KeyMenuProps {
  apiKey: ApiKey;
  actions: KeyActions;
  /** The element that shows the client ID; it is selected when the clipboard can't be written. */
  clientIdRef: RefObject<HTMLElement | null>;
}

/** Everything that can be done with a key in the list. */
export function KeyMenu({ apiKey, actions, clientIdRef }: KeyMenuProps) {
  const { t } = useTranslation();
  const { button, menu } = useMenuButton();
  return (
    <>
      <IconButton {...button} size={30} aria-label={t("list.actionsFor", { name: apiKey.name })}>
        <IconDots size={18} stroke={1.8} />
      </IconButton>
      {menu && <KeyMenuItems menu={menu} apiKey={apiKey} actions={actions} clientIdRef={clientIdRef} />}
    </>
  );
}
