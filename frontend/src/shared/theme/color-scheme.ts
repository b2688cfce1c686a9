import { localStorageColorSchemeManager } from "@mantine/core";
import { colorSchemeKey } from "./color-scheme-key";

export const colorSchemeManager = localStorageColorSchemeManager({ key: colorSchemeKey });
