import { useEffect, useRef } from "react";
import { announce } from "./announcer";

/**
 * Announces `text`, as soon as it is known, each time `about` has changed. What stands there at first is read like the rest of
 * the page.
 */
export function useAnnouncement(about: string, text: string | undefined): void {
  const told = useRef(about);
  useEffect(() => {
    if (text === undefined || told.current === about) return;
    told.current = about;
    announce(text);
  }, [about, text]);
}
