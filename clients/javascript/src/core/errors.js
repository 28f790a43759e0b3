// The one exception.
/** @import { Retry } from "./frames.js" */

/** Codes of our own for ends that nobody has explained: the connection is just gone. */
export const LOSSES = new Set([
  "unreachable",
  "lost",
  "silent",
  "offline",
  "garbled",
  "hole",
  "no_token",
  "buffer_full",
]);

/** A clear no: to a command, or to being in the room at all. */
export class Refused extends Error {
  /**
   * @param {string} code One of the contract's codes, or `closed`, `outbox_full`, `http_…`.
   * @param {string} [message] For people.
   * @param {{retry?: Retry, retryAfter?: number | null, closeCode?: number | null}} [more]
   */
  constructor(code, message = "", { retry = "never", retryAfter = null, closeCode = null } = {}) {
    super(message || code);
    this.name = "Refused";
    /** @readonly Branch on this. */
    this.code = code;
    /** @readonly What the server says about trying again. */
    this.retry = retry;
    /** @readonly Seconds, or null. */
    this.retryAfter = retryAfter;
    /** @readonly The WebSocket's close code, or null. */
    this.closeCode = closeCode;
  }
}

/**
 * The end of a connection that was no refusal: there is sense in another one.
 *
 * @param {string} code One of `LOSSES`.
 * @param {string} [message]
 */
export function lost(code, message) {
  return new Refused(code, message, { retry: "later" });
}
