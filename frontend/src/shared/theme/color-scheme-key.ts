/** The storage key under which this browser remembers light, dark or system ("auto"). */
export const colorSchemeKey = "apikeys-color-scheme";
