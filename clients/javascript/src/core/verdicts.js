// What the end of a connection, or a denied handshake, means.
import { Refused } from "./errors.js";
/** @import { Closing } from "./frames.js" */

/** Close codes after which the same would happen again, should they come without `closing`. */
export const MISTAKES = new Map([
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

/** @param {Closing} frame */
export function refusalOfClosing({ reason, message, retry = "later", retry_after: wait, code }) {
  return new Refused(reason, message, { retry, retryAfter: wait ?? null, closeCode: code ?? null });
}

/**
 * @param {number} status
 * @param {string} text
 * @param {string | undefined} retryAfter The header.
 */
export function refusalOfHttp(status, text, retryAfter) {
  let problem;
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy's page.
  }
  const wait = Number(problem?.retry_after ?? retryAfter ?? NaN);
  const code = String(problem?.code ?? `http_${status}`);
  const retry = CREDENTIALS.has(code) ? "after_auth" : "never";
  return new Refused(code, String(problem?.detail ?? ""), {
    retry: status === 429 || status >= 500 ? "later" : retry,
    retryAfter: Number.isFinite(wait) ? wait : null,
  });
}

/** @param {{code: string, message: string, retry_after?: number}} error */
export function refusalOfError({ code, message, retry_after: retryAfter }) {
  const retry = retryAfter === undefined ? "never" : "later";
  return new Refused(code, message, { retry, retryAfter: retryAfter ?? null });
}
