import { startTransition, useEffect, useState } from "react";

/**
 * How many of `count` things to render by now: `step` at once, then as many more each time the browser has nothing else to do,
 * until there are all. Once they are, a change of some of them is rendered as a whole.
 */
export function useGradually(count: number, step: number): number {
  const [rendered, setRendered] = useState(step);
  useEffect(() => {
    if (rendered < count) startTransition(() => setRendered(rendered + step));
  }, [rendered, count, step]);
  return Math.min(rendered, count);
}
