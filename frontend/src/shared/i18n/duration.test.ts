import { expect, it } from "vitest";
import { durationInWords } from "./duration";

it.each([
  [1, "1 second", "1 segundo"],
  [59, "59 seconds", "59 segundos"],
  [60, "1 minute", "1 minuto"],
  [61, "2 minutes", "2 minutos"],
  [3541, "1 hour", "1 hora"],
  [3600, "1 hour", "1 hora"],
  [3601, "1 hour and 1 minute", "1 hora e 1 minuto"],
  [86_400, "24 hours", "24 horas"],
])("a wait of %i seconds is told in words that fill", (seconds, english, portuguese) => {
  expect(durationInWords(seconds, "en")).toBe(english);
  expect(durationInWords(seconds, "pt-BR")).toBe(portuguese);
});
