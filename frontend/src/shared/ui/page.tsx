import type { ReactNode } from "react";
import classes from "./page.module.css";
import { useDocumentTitle } from "./use-document-title";

interface PageProps {
  title: string;
  /** The title of the browser's tab, if it differs from the title on the page. */
  documentTitle?: string;
  description?: ReactNode;
  /** A link to the page above this one. */
  back?: ReactNode;
  /** Shown beside the title: a status. */
  badge?: ReactNode;
  actions?: ReactNode;
  width?: "wide" | "form";
  children: ReactNode;
}

/** The frame of every screen: title, description, actions. */
export function Page({ title, documentTitle, description, back, badge, actions, width = "wide", children }: PageProps) {
  useDocumentTitle(documentTitle ?? title);
  return (
    <div className={classes.page} data-width={width}>
      {back && <div className={classes.back}>{back}</div>}
      <div className={classes.header}>
        <div className={classes.headline}>
          <div className={classes.titleLine}>
            <h1 className={classes.title} dir="auto">
              {title}
            </h1>
            {badge}
          </div>
          {description && <p className={classes.description}>{description}</p>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}
