import type { ReactNode } from "react";

export interface Toast {
  id: number;
  tone: "success" | "error";
  message: ReactNode;
  /** One thing to do about it, such as Undo. */
  action?: { label: string; run: () => void };
}

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

export const toaster = {
  show(toast: Omit<Toast, "id">): number {
    const id = nextId++;
    set([...toasts.slice(-2), { ...toast, id }]);
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
