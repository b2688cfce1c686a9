/*
 * The console's font is loaded after the first page: on a slow connection it would delay the scripts, and with them
 * everything there is to read, by a third of their own loading time. Until then, text is set in a system font (global.css). A
 * browser that has loaded the font before finds it in its cache and uses it from the start.
 */

const seenKey = "apikeys-font";
const root = document.documentElement;

function show(): void {
  root.dataset.font = "own";
}

/** Shows the font from the start if this browser has loaded it before. */
export function showKnownFont(): void {
  try {
    if (localStorage.getItem(seenKey)) show();
  } catch {
    // Storage can be switched off; every visit then counts as the first.
  }
}

/** Fetches the font and shows it. If that fails, the system font stays. */
export async function fetchFont(): Promise<void> {
  if (root.dataset.font) return;
  const faces = await document.fonts.load("1em 'Inter Variable'").catch(() => []);
  if (faces.length === 0) return;
  show();
  try {
    localStorage.setItem(seenKey, "seen");
  } catch {
    // As above.
  }
}
