const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** A wait of whole seconds in words, never rounded down: "45 seconds", "1 hour and 5 minutes". */
export function durationInWords(seconds: number, language: string): string {
  const words = (value: number, unit: "hour" | "minute" | "second") =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(value);
  if (seconds < MINUTE) return words(seconds, "second");
  const whole = Math.ceil(seconds / MINUTE) * MINUTE;
  const hours = Math.floor(whole / HOUR);
  const minutes = (whole % HOUR) / MINUTE;
  const parts = [hours > 0 && words(hours, "hour"), minutes > 0 && words(minutes, "minute")];
  return new Intl.ListFormat(language, { type: "conjunction" }).format(parts.filter((part) => part !== false));
}
