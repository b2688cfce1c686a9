import { Link } from "@tanstack/react-router";
import classes from "./key-link.module.css";

/** A key's name, which leads to its page. Where room is short it is cut at its end, whichever way it is written. */
export function KeyLink({ clientId, name }: { clientId: string; name: string }) {
  return (
    <Link
      className={classes.link}
      to="/api-keys/$clientId"
      params={{ clientId }}
      search={{}}
      preload="intent"
      dir="auto"
      title={name}
    >
      {name}
    </Link>
  );
}
