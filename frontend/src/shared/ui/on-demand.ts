import { type ComponentType, lazy } from "react";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

const parts = new Set<() => Promise<unknown>>();

/**
 * A component that is only needed once somebody points at something or presses it: a menu, a hint. It comes in a chunk of
 * its own, after the page that it belongs to.
 */
export function onDemand<Props>(load: Load<Props>) {
  parts.add(load);
  return lazy(load);
}

function whenIdle(run: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(run);
  else setTimeout(run);
}

/**
 * Fetches what may be asked for, one part after the other, each when the browser has nothing better to do, so that the first
 * press is answered at once.
 */
export function fetchOnDemandParts(): void {
  const [load] = parts;
  if (!load) return;
  parts.delete(load);
  whenIdle(() => {
    // What can't be fetched now is asked for again when it is needed.
    load().catch(() => undefined);
    fetchOnDemandParts();
  });
}
