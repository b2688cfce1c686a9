import { Menu, type MenuProps, Popover, type PopoverProps } from "@mantine/core";
import { type Ref, type RefObject, useEffect, useImperativeHandle, useState } from "react";
import type { ButtonMenu } from "./menu-button";

/** Stands for the button, which is rendered elsewhere and says by itself what its menu is. */
function Elsewhere({ ref, target }: { ref?: Ref<HTMLElement>; target: RefObject<HTMLElement | null> }) {
  useImperativeHandle(ref, () => target.current as HTMLElement);
  return null;
}

/** The focus goes back to where it was when the menu opened, so that the menu has to be there before. */
function useOpened(opened: boolean): boolean {
  const [mounted, setMounted] = useState(false);
  useEffect(() => setMounted(true), []);
  return opened && mounted;
}

/** The menu of a `useMenuButton`. */
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

/** What a `useMenuButton("dialog")` unfolds. */
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
