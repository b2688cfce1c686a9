import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./status-pill.module.css";

interface StatusPillProps {
  icon: Icon;
  tone: "good" | "warn" | "plain";
  children: ReactNode;
}

/** A status: icon and word; colour only repeats them. */
export function StatusPill({ icon: Icon, tone, children }: StatusPillProps) {
  return (
    <span className={classes.pill} data-tone={tone}>
      <Icon size={14} stroke={2} aria-hidden />
      {children}
    </span>
  );
}
