// Whether a connection still works, although nobody says that it does not.
import { lost } from "./errors.js";

/** The question for a sign of life. */
export const PING = JSON.stringify({ type: "ping" });
// All in milliseconds.
/** From the begin of an attempt to the first frame: a handshake may hang for minutes in a browser. */
const WELCOME_PATIENCE = 15_000;
/** Silence before a ping: a browser does not see the server's own pings. */
const QUIET = 25_000;
const PATIENCE = 10_000;
/** The same while a command waits for its answer, twice: somebody looks at it. */
export const HASTE = 2_400;
/** Characters a millisecond that the slowest network carries: what was sent takes its time. */
const SLOWEST = 4;

/** Times since a connection was heard, and until it has to be. */
export class Silence {
  #heardAt = 0;
  /** @type {number | null} Something has to come before this. */
  #deadline = null;
  /** @type {number | null} When somebody began to wait for an answer; null: nobody does. */
  #awaitedAt = null;
  /** Characters that were sent since something came. */
  #unanswered = 0;

  /**
   * A connection begins.
   *
   * @param {number} now
   */
  begin(now) {
    this.heard(now);
    this.#awaitedAt = null;
    this.#deadline = now + WELCOME_PATIENCE;
  }

  /** @param {number} now */
  heard(now) {
    this.#heardAt = now;
    this.#deadline = null;
    this.#unanswered = 0;
  }

  /** @param {string} text */
  sent(text) {
    this.#unanswered += text.length;
  }

  /**
   * A ping is sent, whose answer has to come.
   *
   * @param {number} now
   * @param {number} patience
   */
  asked(now, patience) {
    this.#deadline = now + patience;
  }

  /**
   * Throws `Refused`, if nothing came in time.
   *
   * @param {number} now
   */
  check(now) {
    if (this.#deadline !== null && now >= this.#deadline) {
      throw lost("silent", "The server says nothing any more.");
    }
  }

  /**
   * @param {number} now
   * @param {boolean} isAwaited Whether a command waits for its answer.
   * @returns {{isPingDue: boolean, wait: number}} `wait`: until this is to be asked again.
   */
  watch(now, isAwaited) {
    this.#awaitedAt = isAwaited ? (this.#awaitedAt ?? now) : null;
    let isPingDue = false;
    if (this.#deadline === null) {
      const quiet = this.#awaitedAt === null ? QUIET : HASTE;
      const left = Math.max(this.#heardAt, this.#awaitedAt ?? 0) + quiet - now;
      if (left > 0) return { isPingDue, wait: left };
      isPingDue = true;
      this.asked(now, isAwaited ? HASTE + this.#unanswered / SLOWEST : PATIENCE);
    }
    return { isPingDue, wait: /** @type {number} */ (this.#deadline) - now };
  }
}
