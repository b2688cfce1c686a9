import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./warning-note.module.css";

/** What the operator must know before going on, in a dialog. */
export function WarningNote({ children }: { children: ReactNode }) {
  return (
    <div className={classes.note}>
      <IconAlertTriangle size={17} stroke={1.8} aria-hidden />
      <div>{children}</div>
    </div>
  );
}
