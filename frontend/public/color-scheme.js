// Sets the colour scheme before the first paint. It is a file of its own because the page's content security policy
// allows no inline script. The key is the one that src/shared/theme/color-scheme.ts stores under.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("apikeys-color-scheme");
  } catch {
    // Storage can be switched off; the system's scheme then decides.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
