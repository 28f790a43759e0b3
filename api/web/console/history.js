/** Pages of an item's past: messages as they stand now, and the quiet entries between them. */

import * as api from "./api.js";

/** @typedef {import("./timeline.js").Page} Page */
/** @typedef {import("./timeline.js").Entry} Entry */

export const PAGE = 100;
const LOG_PAGE = 500;
// A stretch with very many reactions shows its messages, and maybe not each change of members.
const MAX_LOG_PAGES = 4;
// What a page of messages does not say: also how those ended that grew.
const NOTED = new Set(["member", "item", "finish"]);

/** The newest page. @param {string} id */
export async function newestPage(id) {
  const page = await api.messages(id, { limit: PAGE });
  const from = page.messages[0]?.seq ?? page.oldest;
  return withNotes(id, page, from, page.head);
}

/** The page that ends before a seq. @param {string} id @param {number} before */
export async function pageBefore(id, before) {
  const page = await api.messages(id, { before, limit: PAGE });
  const from = page.messages[0]?.seq ?? page.oldest;
  return withNotes(id, page, from, before - 1);
}

/** The page that begins after a seq. @param {string} id @param {number} after */
export async function pageAfter(id, after) {
  const page = await api.messages(id, { after, limit: PAGE });
  const to = page.messages.at(-1)?.seq ?? page.head;
  return withNotes(id, page, after + 1, to);
}

/**
 * @param {string} id
 * @param {{messages: Entry[], head: number, oldest: number, epoch: string}} page
 * @param {number} from
 * @param {number} to
 * @returns {Promise<Page & {epoch: string}>}
 */
async function withNotes(id, page, from, to) {
  // Deletions, edits and reactions have numbers too; only when none is missing is there no note.
  const isComplete = page.messages.length >= to - from + 1;
  const notes = isComplete ? [] : await notesBetween(id, from, to);
  const entries = [...page.messages, ...notes].sort((one, other) => one.seq - other.seq);
  return { entries, from, to, head: page.head, oldest: page.oldest, epoch: page.epoch };
}

/** @param {string} id @param {number} from @param {number} to */
async function notesBetween(id, from, to) {
  /** @type {Entry[]} */
  const notes = [];
  let after = from - 1;
  for (let pages = 0; pages < MAX_LOG_PAGES && after < to; pages += 1) {
    const limit = Math.min(LOG_PAGE, to - after);
    const { entries } = await api.log(id, after, limit);
    if (entries.length === 0) break;
    for (const entry of entries) {
      if (entry.seq <= to && NOTED.has(entry.type)) notes.push(entry);
    }
    after = entries.at(-1).seq;
  }
  return notes;
}
