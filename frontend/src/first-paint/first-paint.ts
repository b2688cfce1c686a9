/*
 * Runs in the page's head, before anything is painted and long before the console itself has arrived. It sets the colour
 * scheme, font and language, shows the frame of the requested page (markup.tsx), and has the browser fetch what the console
 * is going to request; if the console can't be fetched, it says so. It is an inline script, which the response's nonce
 * exempts from the page's content security policy.
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
  if (rel === "stylesheet") link.onerror = () => link.remove(); // so that nobody waits for it
  link.crossOrigin = "anonymous";
  link.href = href;
  document.head.append(link);
}

/**
 * The longest that loading the console waits for the frame to be painted, in milliseconds. On a fast connection the console
 * would otherwise arrive first, and evaluating it would delay the paint. On a slow processor the paint comes late, and the
 * connection must not sit idle until then.
 */
const paintPatience = 50;

function painted(): Promise<void> {
  return new Promise((resolve) => {
    new PerformanceObserver(() => resolve()).observe({ type: "paint" });
    setTimeout(resolve, paintPatience);
  });
}

/** Which frame the page shows until the console takes over; only pages for signed-in operators have one. */
function frameOf(path: string): "list" | "page" | "none" {
  if (root.dataset.signedIn !== "true") return "none";
  if (path === "/" || path === "/api-keys") return "list";
  return /^\/(api-keys\/.+|usage|audit|operators)$/.test(path) ? "page" : "none";
}

const language = preferredLanguage();
root.dataset.mantineColorScheme = colorScheme();
root.lang = language;
showKnownFont();

// The stylesheet goes into the head so that the styles of other pages come after it, and is added by a script so that the
// frame is painted without waiting for it.
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

/**
 * Has the console's scripts fetched in parallel and evaluated one by one, so that the browser can
 * respond to input in between.
 */
function fetchConsole(): void {
  for (const src of scripts) {
    const script = document.createElement("script");
    script.type = "module";
    script.async = false; // run in document order
    script.crossOrigin = "anonymous";
    script.src = src;
    script.onerror = () => {
      root.dataset.frame = "failed";
    };
    document.head.append(script);
  }
}

if (frame === "none") fetchConsole();
else void painted().then(fetchConsole);
