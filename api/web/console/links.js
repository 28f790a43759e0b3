/** Addresses of items and of messages in them, as people hand them on. */

import { toast } from "./notices.js";

/** @param {string} item @param {number} [seq] Of a message. */
export const hashOf = (item, seq) =>
  `#/items/${encodeURIComponent(item)}${seq === undefined ? "" : `/${seq}`}`;

/**
 * The item that an address names, and the message; null: none.
 *
 * @param {string} hash
 */
export function addressIn(hash) {
  const match = /^#\/items\/([^/]+)(?:\/([1-9][0-9]{0,15}))?$/u.exec(hash);
  try {
    const seq = match?.[2] ? Number(match[2]) : null;
    return match ? { item: decodeURIComponent(match[1]), seq } : null;
  } catch {
    return null;
  }
}

/** @param {string} item @param {number} seq */
export async function copyLink(item, seq) {
  const { origin, pathname } = location;
  const address = `${origin}${pathname}${hashOf(item, seq)}`;
  try {
    await navigator.clipboard.writeText(address);
    toast("The link is copied.");
  } catch {
    toast(address); // Where the clipboard is not ours, as on a page without TLS.
  }
}
