const RECENT_MS = 24 * 60 * 60 * 1000;

/** Whether deleting wants the name typed: the key was used in the last 24 hours, so something will break. */
export function needsTypedName(lastUsedAt: string | null, now: Date): boolean {
  return lastUsedAt !== null && now.getTime() - new Date(lastUsedAt).getTime() < RECENT_MS;
}
