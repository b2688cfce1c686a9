/*
 * Runs in the head of the page, before anything is painted and long before the console itself has arrived: sets colour
 * scheme and language, shows the frame of the page that is asked for (markup.tsx), and has the browser fetch what the
 * console is going to ask for. A script of its own, as the page's content security policy allows none in the page.
 */
import { apiKeysPath } from "@/features/api-keys/api/list-path";
import { type ListSearchInput, parseListSearch } from "@/features/api-keys/list/list-search";
import { preferredLanguage } from "@/shared/i18n/language";
import { colorSchemeKey } from "@/shared/theme/color-scheme-key";

/** The console does not wait longer for the frame: a browser may have its reasons not to paint. */
const PAINT_PATIENCE_MS = 1_000;

const root = document.documentElement;

function colorScheme(): "light" | "dark" {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem(colorSchemeKey);
  } catch {
    // Storage can be switched off; the system's scheme then decides.
  }
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function fetchAhead(rel: "preload" | "modulepreload", href: string): void {
  const link = document.createElement("link");
  link.rel = rel;
  if (rel === "preload") link.as = "fetch";
  link.crossOrigin = "anonymous";
  link.href = href;
  document.head.append(link);
}

/** Which frame the page has until the console takes over; only what is for people who are signed in has one. */
function frameOf(path: string): "list" | "page" | "none" {
  if (root.dataset.signedIn !== "true") return "none";
  if (path === "/" || path === "/api-keys") return "list";
  return /^\/(api-keys\/.+|usage|audit|operators)$/.test(path) ? "page" : "none";
}

const script = document.currentScript;

let started = false;

/** Starts the console, once. */
function start(): void {
  if (started) return;
  started = true;
  for (const source of script?.getAttribute("data-modules")?.split(" ") ?? []) {
    const module = document.createElement("script");
    module.type = "module";
    module.crossOrigin = "anonymous";
    module.async = false; // in this order
    module.src = source;
    document.head.append(module);
  }
}

const language = preferredLanguage();
root.dataset.mantineColorScheme = colorScheme();
root.lang = language;

const texts = script?.getAttribute(`data-texts-${language}`);
if (texts) fetchAhead("modulepreload", texts);

const frame = frameOf(location.pathname);
root.dataset.frame = frame;
if (frame !== "none") fetchAhead("preload", "/v1/session");
if (frame === "list") {
  const raw: unknown = Object.fromEntries(new URLSearchParams(location.search));
  fetchAhead("preload", apiKeysPath(parseListSearch(raw as ListSearchInput)));
}

// Connections share a slow line evenly, whatever the browser thinks is urgent. So what the frame needs comes first, and the
// console, which is ten times as large, once the frame is painted. A page that nobody looks at is not painted.
if (frame === "none" || document.visibilityState === "hidden") start();
else {
  new PerformanceObserver(start).observe({ type: "paint" });
  setTimeout(start, PAINT_PATIENCE_MS);
}
