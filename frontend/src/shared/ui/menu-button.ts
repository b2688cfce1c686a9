import { type RefObject, useId, useRef, useState } from "react";

/** What a menu has to know of the button that opens it. */
export interface ButtonMenu {
  id: string;
  target: RefObject<HTMLButtonElement | null>;
  opened: boolean;
  onChange: (opened: boolean) => void;
}

/**
 * A button with a menu that is mounted when it is opened for the first time: `menu` is null until then. It goes to a
 * `MenuOfButton` or `PopoverOfButton`, in a chunk of its own.
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
