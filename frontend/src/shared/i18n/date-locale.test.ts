import { expect, it, vi } from "vitest";
import { dateLocale } from "./date-locale";

it.each([
  ["en", "en-GB", "en-GB"],
  ["pt-BR", "pt-PT", "pt-PT"],
  ["pt-BR", "en-GB", "pt-BR"],
])("dates in %s are written in a browser of %s as in %s", (language, locale, written) => {
  const options = new Intl.NumberFormat().resolvedOptions();
  vi.spyOn(Intl.NumberFormat.prototype, "resolvedOptions").mockReturnValue({ ...options, locale });
  expect(dateLocale(language)).toBe(written);
});
