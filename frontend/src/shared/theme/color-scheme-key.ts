/** Where light, dark or system ("auto") is remembered in this browser. */
export const colorSchemeKey = "apikeys-color-scheme";
