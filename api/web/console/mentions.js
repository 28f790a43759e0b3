/** Whom a text names by `@username`, as a body has it: docs/protocol.md, "The inbox". Pure. */

import { textOf } from "./format.js";

// As usernames are; what ends a sentence behind one is none of it.
const NAMED = /(?<![\w@.-])@([a-z0-9][a-z0-9._-]*)/giu;
const MOST = 50;

/**
 * The body with the members that its text names, if there are any.
 *
 * @param {unknown} body
 * @param {ReadonlySet<string>} usernames Of the members.
 */
export function withMentions(body, usernames) {
  const text = textOf(body) ?? "";
  /** @type {Set<string>} */
  const named = new Set();
  for (const [, found] of text.matchAll(NAMED)) {
    const name = memberIn(found.toLowerCase(), usernames);
    if (name !== null) named.add(name);
  }
  if (named.size === 0) return body;
  const fields = typeof body === "string" ? { text: body } : /** @type {object} */ (body);
  return { ...fields, mentions: [...named].slice(0, MOST) };
}

/** @param {string} found @param {ReadonlySet<string>} usernames */
function memberIn(found, usernames) {
  for (let name = found; name !== ""; name = name.slice(0, -1)) {
    if (usernames.has(name)) return name;
    if (!/[._-]$/u.test(name)) return null;
  }
  return null;
}
