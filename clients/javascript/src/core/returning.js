// Whether to come back after a connection has ended, and when.
import { Backoff } from "./backoff.js";
/** @import { Refused } from "./errors.js" */

/** What earlier ends say about the next attempt. */
export class Returning {
  #canRenew;
  #backoff = new Backoff();
  /** Of a server whose replay has holes: a `welcome` of it is not yet a success. */
  #distrust = new Backoff();
  /** Another credential was tried because the server refused one, and no `welcome` came. */
  #hasRenewed = false;

  /** @param {boolean} canRenew Whether there is a newer credential to be had. */
  constructor(canRenew) {
    this.#canRenew = canRenew;
  }

  /** The server has let us in. */
  welcomed() {
    this.#hasRenewed = false;
    this.#backoff.reset();
  }

  /** An entry came in its place. */
  trusted() {
    this.#distrust.reset();
  }

  /**
   * @param {Refused} refused Thrown again, when there is no sense in another attempt.
   * @returns {number} Milliseconds until it.
   */
  after(refused) {
    if (refused.retry === "after_auth" && this.#canRenew && !this.#hasRenewed) {
      this.#hasRenewed = true;
    } else if (refused.retry !== "later") throw refused;
    const wait = (refused.code === "hole" ? this.#distrust : this.#backoff).next();
    return (refused.retryAfter ?? 0) * 1000 + wait;
  }
}
