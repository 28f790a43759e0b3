// How long to wait before the next connection.

// Milliseconds. Full jitter: clients that were cut off together must not come back together.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

/** Random times below a bound that doubles with each failure in a row. */
export class Backoff {
  #failures = 0;

  /** The server has proved that it works. */
  reset() {
    this.#failures = 0;
  }

  /** @returns {number} Milliseconds to wait now; longer, at random, each time. */
  next() {
    return Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
  }
}
