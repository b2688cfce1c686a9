import { Menu, type MenuProps, Popover, type PopoverProps } from "@mantine/core";
import { type Ref, type RefObject, useEffect, useImperativeHandle, useState } from "react";
import type { ButtonMenu } from "./menu-button";

/** Stands in for the button, which is rendered elsewhere and sets its own ARIA attributes for the menu. */
function Elsewhere({ ref, target }: { ref?: Ref<HTMLElement>; target: RefObject<HTMLElement | null> }) {
  useImperativeHandle(ref, () => target.current as HTMLElement);
  return null;
}

/** The menu must be mounted before it opens: when it closes, the focus returns to where it was at the moment of opening. */
function useOpened(opened: boolean): boolean {
  const [mounted, setMounted] = useState(false);
  useEffect(() => setMounted(true), []);
  return opened && mounted;
}

/** The menu of a button made with `useMenuButton`. */
export function MenuOfButton({ menu, children, ...rest }: MenuProps & { menu: ButtonMenu }) {
  return (
    <Menu id={menu.id} opened={useOpened(menu.opened)} onChange={menu.onChange} {...rest}>
      <Menu.Target>
        <Elsewhere target={menu.target} />
      </Menu.Target>
      {children}
    </Menu>
  );
}

/** The popover of a button made with `useMenuButton("dialog")`. */
export function PopoverOfButton({ menu, children, ...rest }: PopoverProps & { menu: ButtonMenu }) {
  return (
    <Popover id={menu.id} opened={useOpened(menu.opened)} onChange={menu.onChange} {...rest}>
      <Popover.Target>
        <Elsewhere target={menu.target} />
      </Popover.Target>
      {children}
    </Popover>
  );
}
