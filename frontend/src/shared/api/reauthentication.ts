interface Waiter {
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/**
 * The place where calls wait when the session has expired: they stay pending while the operator signs in again over the
 * page, and are then repeated. Nothing on the page, and so no unsaved input, is lost.
 */
class Reauthentication {
  #armed = false;
  #completed = 0;
  #waiters: Waiter[] = [];
  readonly #listeners = new Set<() => void>();

  /** Armed once there is a session; before that a 401 simply means "sign in first". */
  arm(): void {
    this.#armed = true;
  }

  disarm(reason: unknown): void {
    this.#armed = false;
    this.#settle((waiter) => waiter.reject(reason));
  }

  get armed(): boolean {
    return this.#armed;
  }

  /** How often the operator is back: a 401 to what was sent before the last time says nothing of the session that there is now. */
  get completed(): number {
    return this.#completed;
  }

  /** Asks the operator to sign in again when it is known that the next call would have to wait for that. */
  require(): void {
    if (!this.isRequired()) this.wait().catch(() => undefined);
  }

  /** Resolves when the operator has signed in again; rejects when they left instead. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters = [...this.#waiters, { resolve, reject }];
      this.#notify();
    });
  }

  complete(): void {
    this.#completed++;
    this.#settle((waiter) => waiter.resolve());
  }

  readonly isRequired = (): boolean => this.#waiters.length > 0;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #settle(settle: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#notify();
    waiters.forEach(settle);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

export const reauthentication = new Reauthentication();
