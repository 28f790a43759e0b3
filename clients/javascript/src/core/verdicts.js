// What the end of a connection, or a denied handshake, means.
import { lost, Refused } from "./errors.js";
/** @import { Closing, ErrorFrame, Retry } from "./frames.js" */

/** Close codes after which the same would happen again, should they come without `closing`. */
const MISTAKES = new Map([
  [1002, "bad_framing"],
  [1003, "unsupported_frame"],
  [1007, "bad_utf8"],
  [1009, "too_big"],
]);
/** Refused with these, another credential may do. */
const CREDENTIALS = new Set([
  "auth_missing",
  "auth_invalid",
  "auth_ambiguous",
  "auth_expired",
  "ticket_used",
]);

/**
 * What a `closing` frame says. A verdict that is not known is a final one.
 *
 * @param {Closing} frame
 */
export function closing({ code, reason, message, retry, retry_after: wait }) {
  return new Refused(reason, message, {
    retry: retry === "later" || retry === "after_auth" ? retry : "never",
    retryAfter: seconds(wait),
    closeCode: code ?? null,
  });
}

/**
 * What an end without a `closing` frame means.
 *
 * @param {number} code
 * @param {string} reason
 */
export function closed(code, reason) {
  const mistake = MISTAKES.get(code);
  return mistake ? new Refused(reason || mistake, "", { closeCode: code }) : lost("lost");
}

/**
 * What an HTTP answer says that is no success.
 *
 * @param {number} status
 * @param {string} text
 * @param {string | null} [retryAfter] The header.
 */
export function denied(status, text, retryAfter) {
  const problem = problemIn(text);
  const code = String(problem.code ?? `http_${status}`);
  /** @type {Retry} */
  const retry = CREDENTIALS.has(code) ? "after_auth" : "never";
  return new Refused(code, String(problem.detail ?? ""), {
    retry: status === 429 || status >= 500 ? "later" : retry,
    retryAfter: seconds(problem.retry_after) ?? seconds(retryAfter),
  });
}

/**
 * What an `error` frame says.
 *
 * @param {ErrorFrame} frame
 */
export function refusal({ code, message, retry_after: wait }) {
  const retryAfter = seconds(wait);
  return new Refused(code, message, { retry: retryAfter === null ? "never" : "later", retryAfter });
}

/**
 * Sent, it would close the connection for good.
 *
 * @param {number} limit Bytes of a frame.
 */
export function tooBig(limit) {
  return new Refused("too_big", `A frame has at most ${limit} bytes.`);
}

/** @param {string} text */
function problemIn(text) {
  try {
    const problem = JSON.parse(text);
    return typeof problem?.code === "string" ? problem : {};
  } catch {
    return {}; // The page of a proxy.
  }
}

/**
 * A time to wait; null for a date, which Retry-After may be too, and for nonsense.
 *
 * @param {unknown} value
 */
function seconds(value) {
  const wait = value == null || value === "" ? NaN : Number(value);
  return Number.isFinite(wait) && wait >= 0 ? wait : null;
}
