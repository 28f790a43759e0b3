// How fast commands may be sent.
import { uptime } from "../clock.js";

/** The server's own token bucket, kept here too: what is not sent is not refused. */
export class Bucket {
  #rate;
  #burst;
  #tokens;
  /** The server's bucket began as full as this one: so many are let through whenever they come. */
  #sure;
  #at = uptime();

  /**
   * @param {number} rate A second; 0 is no limit.
   * @param {number} burst
   */
  constructor(rate, burst) {
    this.#rate = rate;
    this.#burst = Math.max(burst, 1);
    this.#tokens = this.#sure = this.#burst;
  }

  /** Whether the server surely has a token for the next one, even if the way compresses time. */
  get isAmple() {
    if (!this.#rate || this.#sure > 0) return true;
    this.#fill();
    return this.#tokens > this.#burst / 2;
  }

  /** @returns {number} 0: taken; else nothing was, and these milliseconds have to pass first. */
  take() {
    if (!this.#rate) return 0;
    this.#fill();
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#rate) * 1000);
    this.#tokens -= 1;
    this.#sure -= 1;
    return 0;
  }

  /** The server's bucket turned out to be empty: then so is this one, as of now. */
  empty() {
    this.#fill();
    this.#tokens = this.#sure = 0;
  }

  #fill() {
    const now = uptime();
    const passed = (now - this.#at) / 1000;
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#rate);
  }
}
