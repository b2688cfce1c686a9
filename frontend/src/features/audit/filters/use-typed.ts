import { useState } from "react";

/** Input that hasn't been applied yet. When the URL's value changes, as it does after Back, that value replaces it. */
export function useTyped<Value>(value: Value, same: (a: Value, b: Value) => boolean = Object.is) {
  const [typed, setTyped] = useState(value);
  const [applied, setApplied] = useState(value);
  if (!same(value, applied)) {
    setApplied(value);
    setTyped(value);
  }
  return [typed, setTyped] as const;
}
