/*
 * Runs in the head of the page, before anything is painted and long before the console itself has arrived: sets colour
 * scheme, font and language, shows the frame of the page that is asked for (markup.tsx), and has the browser fetch what the
 * console is going to ask for. It stands in the page itself, where the nonce of the response lets it pass the page's content
 * security policy.
 */
import { apiKeysPath } from "@/features/api-keys/api/list-path";
import { type ListSearchInput, parseListSearch } from "@/features/api-keys/list/list-search";
import { preferredLanguage } from "@/shared/i18n/language";
import { colorSchemeKey } from "@/shared/theme/color-scheme-key";
import { showKnownFont } from "@/shared/theme/font";

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

function fetchAhead(rel: "stylesheet" | "preload" | "modulepreload", href: string): void {
  const link = document.createElement("link");
  link.rel = rel;
  if (rel === "preload") link.as = "fetch";
  if (rel === "stylesheet") link.onerror = () => link.remove(); // and nobody waits for it
  link.crossOrigin = "anonymous";
  link.href = href;
  document.head.append(link);
}

/**
 * How long the console waits for the frame to be painted, in milliseconds. A fast line would bring the console before that, and
 * evaluating it keeps the processor from painting. A slow processor paints late, and meanwhile the line would have nothing to do.
 */
const paintPatience = 50;

function painted(): Promise<void> {
  return new Promise((resolve) => {
    new PerformanceObserver(() => resolve()).observe({ type: "paint" });
    setTimeout(resolve, paintPatience);
  });
}

/** Which frame the page has until the console takes over; only what is for people who are signed in has one. */
function frameOf(path: string): "list" | "page" | "none" {
  if (root.dataset.signedIn !== "true") return "none";
  if (path === "/" || path === "/api-keys") return "list";
  return /^\/(api-keys\/.+|usage|audit|operators)$/.test(path) ? "page" : "none";
}

const language = preferredLanguage();
root.dataset.mantineColorScheme = colorScheme();
root.lang = language;
showKnownFont();

// In the head, so that the styles of other pages come behind these; put there by a script, so that the frame is painted without.
const styles = document.currentScript?.getAttribute("data-styles");
if (styles) fetchAhead("stylesheet", styles);

const texts = document.currentScript?.getAttribute(`data-texts-${language}`);
if (texts) fetchAhead("modulepreload", texts);

const frame = frameOf(location.pathname);
root.dataset.frame = frame;
if (frame !== "none") fetchAhead("preload", "/v1/session");
if (frame === "list") {
  const raw: unknown = Object.fromEntries(new URLSearchParams(location.search));
  fetchAhead("preload", apiKeysPath(parseListSearch(raw as ListSearchInput)));
}

const scripts = document.currentScript?.getAttribute("data-scripts")?.split(" ") ?? [];

/** Has the console's scripts fetched, and evaluated one after the other: in between the browser answers the operator. */
function fetchConsole(): void {
  for (const src of scripts) {
    const script = document.createElement("script");
    script.type = "module";
    script.async = false; // in their order
    script.crossOrigin = "anonymous";
    script.src = src;
    document.head.append(script);
  }
}

if (frame === "none") fetchConsole();
else void painted().then(fetchConsole);
