// Why a handshake was denied: browsers hide it.
import { denied } from "./core/verdicts.js";
import { shown } from "./events.js";
/** @import { Refused } from "./core/errors.js" */

/** Milliseconds for the answer. */
const ASK_TIMEOUT = 10_000;

/**
 * Why a handshake was denied, as "Reconnecting", 6; "none": HTTP lets in; null: there is no answer.
 *
 * @param {URL} url The room's.
 * @param {string} token Empty: the browser shows its cookie.
 * @returns {Promise<Refused | "none" | null>}
 */
export async function askForDenial(url, token) {
  const address = url.href.replace(/^ws/, "http").replace(/ws$/, "tickets");
  try {
    const answer = await fetch(address, {
      method: "POST",
      ...shown(token),
      signal: AbortSignal.timeout(ASK_TIMEOUT),
    });
    const text = await answer.text();
    return answer.ok ? "none" : denied(answer.status, text, answer.headers.get("Retry-After"));
  } catch {
    return null; // Not reached, or a page of another origin may not read it.
  }
}
