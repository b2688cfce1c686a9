interface Waiter {
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/**
 * Where calls wait when the session has expired: they stay pending while the operator signs in again over the page, and are
 * then repeated. Nothing on the page is lost, and so no unsaved input.
 */
class Reauthentication {
  #armed = false;
  #completed = 0;
  #waiters: Waiter[] = [];
  readonly #listeners = new Set<() => void>();

  /** To be called once there is a session; before that, a 401 simply means "sign in first". */
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

  /**
   * How many times the operator has signed in again. A 401 for a request sent before the latest time says nothing
   * about the current session.
   */
  get completed(): number {
    return this.#completed;
  }

  /** Asks the operator to sign in again once it is known that the next call would have to wait for it. */
  require(): void {
    if (!this.isRequired()) this.wait().catch(() => undefined);
  }

  /** Resolves when the operator has signed in again; rejects when they leave instead. */
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
