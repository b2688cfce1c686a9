import type { ReactNode } from "react";

export interface Toast {
  id: number;
  tone: "success" | "error";
  message: ReactNode;
  /** One thing to do about it, such as Undo. */
  action?: { label: string; run: () => void };
}

/** How many are shown at a time. */
const SHOWN_MAX = 3;
const QUIET_MS = 6_000;
/** Long enough to notice the toast, reach its button by keyboard, and decide. */
const ACTION_MS = 15_000;

let nextId = 1;
let toasts: readonly Toast[] = [];
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const notify of listeners) notify();
}

/** Drops the oldest message that leaves by itself, and an unread error only if there are nothing but errors. */
function makeRoom(shown: readonly Toast[]): readonly Toast[] {
  if (shown.length <= SHOWN_MAX) return shown;
  const dropped = shown.slice(0, -1).find(({ tone }) => tone === "success") ?? shown[0];
  return shown.filter((toast) => toast !== dropped);
}

export const toaster = {
  show(toast: Omit<Toast, "id">): number {
    const id = nextId++;
    set(makeRoom([...toasts, { ...toast, id }]));
    return id;
  },
  dismiss(id: number): void {
    set(toasts.filter((toast) => toast.id !== id));
  },
  clear(): void {
    set([]);
  },
  list: (): readonly Toast[] => toasts,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/** How long a toast stays while nobody points at it or focuses it; errors stay until they are dismissed. */
export function lifetimeMs(toast: Toast): number {
  if (toast.tone === "error") return Number.POSITIVE_INFINITY;
  return toast.action ? ACTION_MS : QUIET_MS;
}
