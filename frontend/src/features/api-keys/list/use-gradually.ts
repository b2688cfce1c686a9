import { startTransition, useEffect, useState } from "react";

/**
 * How many of `count` things to render so far: `step` at first, then `step` more in each transition until all are rendered.
 * From then on, changes are rendered in one go.
 */
export function useGradually(count: number, step: number): number {
  const [rendered, setRendered] = useState(step);
  useEffect(() => {
    if (rendered < count) startTransition(() => setRendered(rendered + step));
  }, [rendered, count, step]);
  return Math.min(rendered, count);
}
