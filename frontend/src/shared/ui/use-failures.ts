import { type RefObject, useEffect, useRef, useState } from "react";

interface Failures {
  /** To be attached to the form. */
  ref: RefObject<HTMLFormElement | null>;
  /** Whether a submit has failed; from then on, the fields show what is wrong with them. */
  failed: boolean;
  /** Moves the focus to the first field with an error. */
  fail: () => void;
  forget: () => void;
}

/** The failures of a form: submits that were not sent or that the service refused. */
export function useFailures(): Failures {
  const ref = useRef<HTMLFormElement>(null);
  const [count, setCount] = useState(0);
  useEffect(() => {
    if (count > 0) ref.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [count]);
  return { ref, failed: count > 0, fail: () => setCount((before) => before + 1), forget: () => setCount(0) };
}
