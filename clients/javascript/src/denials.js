// Why a handshake was denied: browsers hide it.
import { refusalOfHttp } from "./core/verdicts.js";
/** @import { Refused } from "./core/errors.js" */

// Milliseconds.
/** For the answer to why a handshake was denied. */
const ASK_TIMEOUT = 10_000;

/**
 * Why a handshake was denied, as "Reconnecting", 6; null: the server does not say.
 *
 * @param {URL} url The room's.
 * @param {string} token Empty: the browser shows its cookie.
 * @returns {Promise<Refused | null>}
 */
export async function askForDenial(url, token) {
  const address = url.href.replace(/^ws/, "http").replace(/ws$/, "tickets");
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      credentials: token ? "omit" : "include",
      signal: AbortSignal.timeout(ASK_TIMEOUT),
    });
    const wait = answer.headers.get("Retry-After") ?? undefined;
    const text = await answer.text();
    return answer.ok ? null : refusalOfHttp(answer.status, text, wait);
  } catch {
    return null; // Not reached, or a page of another origin may not read it.
  }
}
