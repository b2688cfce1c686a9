const HOUR = 3600;

/** How long an old secret may keep working, in seconds, by the name under which the texts about it are stored. */
export const gracePeriods = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR } as const;
