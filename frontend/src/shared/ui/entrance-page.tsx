import type { ReactNode } from "react";
import { LanguagePicker } from "@/shared/i18n/language-picker";
import { BrandMark } from "./brand-mark";
import classes from "./entrance-page.module.css";
import { useDocumentTitle } from "./use-document-title";

interface EntrancePageProps {
  /** The title of the browser's tab. */
  documentTitle: string;
  /** Left out when the card's content has a title of its own. */
  heading?: { title: string; lead: string } | undefined;
  children: ReactNode;
}

/** The frame of the screens for visitors who are not signed in. */
export function EntrancePage({ documentTitle, heading, children }: EntrancePageProps) {
  useDocumentTitle(documentTitle);
  return (
    <main id="main" className={classes.page} tabIndex={-1}>
      <div className={classes.column}>
        <div className={classes.brand}>
          <BrandMark size={36} />
          {heading && (
            <>
              <h1 className={classes.title}>{heading.title}</h1>
              <p className={classes.lead}>{heading.lead}</p>
            </>
          )}
        </div>
        <div className={classes.card}>{children}</div>
        <LanguagePicker />
      </div>
    </main>
  );
}
