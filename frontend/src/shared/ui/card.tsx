import type { ReactNode } from "react";
import { useId } from "react";
import classes from "./card.module.css";

interface CardProps {
  title?: string;
  description?: ReactNode;
  /** Shown to the right of the title. */
  aside?: ReactNode;
  /** Content that extends to the card's edges: tables, pickers. */
  flush?: boolean;
  children: ReactNode;
}

/** A titled surface; a region for screen readers when it has a title. */
export function Card({ title, description, aside, flush = false, children }: CardProps) {
  const id = useId();
  const header = title && (
    <div className={classes.header}>
      <div className={classes.headline}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {description && <p className={classes.description}>{description}</p>}
      </div>
      {aside}
    </div>
  );
  return (
    <section className={classes.card} aria-labelledby={title ? id : undefined}>
      {header}
      <div className={classes.body} data-flush={flush} data-titled={Boolean(title)}>
        {children}
      </div>
    </section>
  );
}
