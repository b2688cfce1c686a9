import { type ComponentType, type JSX, lazy, Suspense } from "react";

type Load<Props> = () => Promise<{ default: ComponentType<Props> }>;

const parts = new Set<() => Promise<unknown>>();

/**
 * A component that is only needed once somebody points at something or presses it: a menu, a hint. It comes in a chunk of
 * its own, after the page that it belongs to, and nothing stands in its place until it is there.
 */
export function onDemand<Props extends object>(load: Load<Props>) {
  parts.add(load);
  const Part: ComponentType<Props> = lazy(load);
  return function OnDemand(props: Props & JSX.IntrinsicAttributes) {
    return (
      <Suspense fallback={null}>
        <Part {...props} />
      </Suspense>
    );
  };
}

export function whenIdle(run: () => void): void {
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
