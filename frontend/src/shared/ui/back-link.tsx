import { IconArrowLeft } from "@tabler/icons-react";
import { createLink, type LinkComponent } from "@tanstack/react-router";
import type { AnchorHTMLAttributes, Ref } from "react";
import classes from "./back-link.module.css";

interface AnchorProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  ref?: Ref<HTMLAnchorElement>;
}

function Anchor({ children, ref, ...rest }: AnchorProps) {
  return (
    <a ref={ref} {...rest} className={classes.link} data-reach="height">
      <IconArrowLeft size={15} stroke={1.8} aria-hidden />
      {children}
    </a>
  );
}

const RouterAnchor = createLink(Anchor);

/** Links to the list that the page belongs to. Without `exact`, the router would mark the list as the current page. */
export const BackLink: LinkComponent<typeof Anchor> = (props) => (
  <RouterAnchor activeOptions={{ exact: true }} {...props} />
);
