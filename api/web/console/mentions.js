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
 * @param {unknown} [before] The body in whose place it comes: whom only that one's text has named is
 *   named no more, and whom a program has named beside the text still is.
 */
export function withMentions(body, usernames, before = "") {
  const fields = typeof body === "string" ? { text: body } : /** @type {object} */ (body);
  const former = new Set(namesIn(textOf(before) ?? "", usernames));
  const { mentions: known = [], ...others } = /** @type {any} */ (fields ?? {});
  const beside = Array.isArray(known) ? known.filter((name) => !former.has(name)) : [];
  const named = new Set([...beside, ...namesIn(textOf(body) ?? "", usernames)]);
  if (named.size > 0) return { ...others, mentions: [...named].slice(0, MOST) };
  return former.size > 0 && typeof body === "object" ? others : body;
}

/** @param {string} text @param {ReadonlySet<string>} usernames */
function* namesIn(text, usernames) {
  for (const [, found] of text.matchAll(NAMED)) {
    const name = memberIn(found.toLowerCase(), usernames);
    if (name !== null) yield name;
  }
}

/** @param {string} found @param {ReadonlySet<string>} usernames */
function memberIn(found, usernames) {
  for (let name = found; name !== ""; name = name.slice(0, -1)) {
    if (usernames.has(name)) return name;
    if (!/[._-]$/u.test(name)) return null;
  }
  return null;
}
