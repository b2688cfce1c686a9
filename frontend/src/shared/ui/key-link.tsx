import { Link } from "@tanstack/react-router";
import classes from "./key-link.module.css";

/** A key's name, which leads to its page. */
export function KeyLink({ clientId, name }: { clientId: string; name: string }) {
  return (
    <Link className={classes.link} to="/api-keys/$clientId" params={{ clientId }} search={{}} preload="intent">
      {name}
    </Link>
  );
}
