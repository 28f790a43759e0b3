// How long to wait before the next connection.

// Milliseconds.
const BACKOFF_BASE = 500;
const BACKOFF_CAP = 30_000;

/** How long to wait before the next attempt: full jitter, so that no herd comes back at once. */
export class Backoff {
  #failures = 0;

  reset() {
    this.#failures = 0;
  }

  /** @returns {number} Milliseconds. */
  next() {
    return Math.random() * Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** this.#failures++);
  }
}
