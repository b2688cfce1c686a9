import { useEffect, useRef } from "react";
import { announce } from "./announcer";

/**
 * Announces `text`, once it is known, whenever `about` has changed. The initial text is not announced: it is read
 * with the rest of the page.
 */
export function useAnnouncement(about: string, text: string | undefined): void {
  const told = useRef(about);
  useEffect(() => {
    if (text === undefined || told.current === about) return;
    told.current = about;
    announce(text);
  }, [about, text]);
}
