// How fast commands may be sent.

/** The server's own token bucket, kept here too: what is not sent is not refused. */
export class Pace {
  #rate;
  #burst;
  #left;
  /** The server's bucket began as full as this one: so many are let through whenever they come. */
  #sure;
  #countedAt;

  /**
   * @param {number} rate Commands a second; 0 is no limit.
   * @param {number} burst Commands at once, after a rest.
   * @param {number} now
   */
  constructor(rate, burst, now) {
    this.#rate = rate;
    this.#burst = Math.max(burst, 1);
    this.#left = this.#sure = this.#burst;
    this.#countedAt = now;
  }

  /**
   * Whether the server surely has a token for the next one, even if the way compresses time.
   *
   * @param {number} now
   */
  isAmple(now) {
    if (!this.#rate || this.#sure > 0) return true;
    this.#fill(now);
    return this.#left > this.#burst / 2;
  }

  /**
   * @param {number} now
   * @returns {number} 0: taken; else nothing was, and these milliseconds have to pass first.
   */
  take(now) {
    if (!this.#rate) return 0;
    this.#fill(now);
    // A timer that fires a hair too early must not lead to a wait of nothing.
    if (this.#left < 1 - 1e-6) return ((1 - this.#left) / this.#rate) * 1000;
    this.#left -= 1;
    this.#sure -= 1;
    return 0;
  }

  /**
   * The server's bucket turned out to be empty: then so is this one, as of now.
   *
   * @param {number} now
   */
  empty(now) {
    this.#fill(now);
    this.#left = this.#sure = 0;
  }

  /** @param {number} now */
  #fill(now) {
    const earned = ((now - this.#countedAt) / 1000) * this.#rate;
    this.#countedAt = now;
    this.#left = Math.min(this.#burst, this.#left + earned);
  }
}
