/*
 * The console's font comes behind its first page: on a slow line it would keep the scripts waiting for as long as a third of
 * them takes, and what can be read with them. Until then texts are in a font of the machine's (global.css). A browser that has
 * had the font once finds it in its cache, and shows it from the start.
 */

const seenKey = "apikeys-font";
const root = document.documentElement;

function show(): void {
  root.dataset.font = "own";
}

/** Shows the font from the start where it has been seen before. */
export function showKnownFont(): void {
  try {
    if (localStorage.getItem(seenKey)) show();
  } catch {
    // Storage can be switched off; every visit is the first one then.
  }
}

/** Fetches the font and shows it. Where it can't be had, the one of the machine stays. */
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
