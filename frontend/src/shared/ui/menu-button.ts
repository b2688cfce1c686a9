import { type RefObject, useId, useRef, useState } from "react";

/** What a menu needs to know about the button that opens it. */
export interface ButtonMenu {
  id: string;
  target: RefObject<HTMLButtonElement | null>;
  opened: boolean;
  onChange: (opened: boolean) => void;
}

/**
 * A button with a menu that is mounted when it is first opened: `menu` is null until then. Pass it to a `MenuOfButton` or
 * `PopoverOfButton`, which come in a chunk of their own.
 */
export function useMenuButton(popup: "menu" | "dialog" = "menu") {
  const id = useId();
  const target = useRef<HTMLButtonElement>(null);
  const [state, setState] = useState<boolean>();
  const opened = state === true;
  return {
    button: {
      id,
      ref: target,
      "aria-haspopup": popup,
      "aria-expanded": opened,
      "aria-controls": opened ? `${id}-dropdown` : undefined,
      onClick: () => setState(!opened),
    },
    menu: state === undefined ? null : ({ id, target, opened, onChange: setState } satisfies ButtonMenu),
  };
}
