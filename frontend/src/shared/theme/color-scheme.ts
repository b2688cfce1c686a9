import { localStorageColorSchemeManager } from "@mantine/core";

/** Remembers light, dark or system ("auto") in this browser. public/color-scheme.js reads the same key before the first paint. */
export const colorSchemeManager = localStorageColorSchemeManager({ key: "apikeys-color-scheme" });
