const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether a key or a secret was used in the last 24 hours, so that something would probably stop working without it. */
export function usedLately(lastUsedAt: string | null, now: Date): boolean {
  return lastUsedAt !== null && now.getTime() - new Date(lastUsedAt).getTime() < DAY_MS;
}
