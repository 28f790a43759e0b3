/** Finds the addresses in a text. Pure: what becomes a link is decided here and nowhere else. */

/** @typedef {{text: string, href: string | null}} Piece */

// Only these two schemes: `javascript:`, `data:` and all others stay text.
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/giu;
const HERE = new RegExp(ADDRESS.source, "iuy");
const CLOSING = /[.,:;!?…'"*_~]+$/u;

/**
 * The text in pieces; those with `href` are links. Joined, the pieces are the text.
 *
 * @param {string} text
 * @returns {Piece[]}
 */
export function linkify(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const href = parsed(address);
    if (href === null) continue;
    if (match.index > done) pieces.push({ text: text.slice(done, match.index), href: null });
    pieces.push({ text: address, href });
    done = match.index + address.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), href: null });
  return pieces;
}

/**
 * The link that begins at a place of a text; null: none does.
 *
 * @param {string} text
 * @param {number} index
 * @returns {{text: string, href: string} | null}
 */
export function addressAt(text, index) {
  HERE.lastIndex = index;
  const address = trimmed(HERE.exec(text)?.[0] ?? "");
  const href = parsed(address);
  return href === null ? null : { text: address, href };
}

/**
 * Where an author's link leads, if it is one that may be followed.
 *
 * @param {string} address
 */
export const linkTo = (address) =>
  /^mailto:[^\s?]+$/iu.test(address) ? address : parsed(address);

/**
 * Without what ends a sentence, and without a bracket that was opened before the address.
 *
 * @param {string} address
 */
function trimmed(address) {
  let kept = address.replace(CLOSING, "");
  while (/[)\]}]$/u.test(kept) && !isBalanced(kept)) kept = kept.slice(0, -1).replace(CLOSING, "");
  return kept;
}

/** @param {string} text */
function isBalanced(text) {
  const count = (/** @type {RegExp} */ pattern) => (text.match(pattern) ?? []).length;
  return count(/[([{]/gu) >= count(/[)\]}]/gu);
}

/**
 * The address as a browser takes it; null when it is none, or hides its host behind a user name.
 *
 * @param {string} address
 */
function parsed(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const isPlain = url.protocol === "http:" || url.protocol === "https:";
  return isPlain && url.username === "" && url.password === "" ? url.href : null;
}
