// What is new in somebody's items where no socket gets through: asked for, again and again.
import { denied } from "./core/verdicts.js";
/** @import { InboxItem } from "./core/frames.js" */

/** Items on a page. */
const PAGE = 100;
/** Of so many looks, one is at all items: an item that is gone is missing there. */
const WHOLE_EVERY = 12;

/**
 * Pages of the inbox, the newest activity first; when they were asked for.
 *
 * @param {URL} url
 * @param {string | undefined} token Without one the browser shows its cookie.
 * @param {number} [most] Pages.
 * @returns {Promise<{at: string, items: InboxItem[], isWhole: boolean}>}
 */
export async function listed(url, token, most = Infinity) {
  const address = new URL(url);
  address.searchParams.set("limit", String(PAGE));
  let at = "";
  const items = [];
  for (let pages = 0; pages < most; pages++) {
    const answer = await fetch(address, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      credentials: token ? "omit" : "include",
    });
    const text = await answer.text();
    if (!answer.ok) throw denied(answer.status, text, answer.headers.get("Retry-After"));
    const page = JSON.parse(text);
    at ||= page.at;
    items.push(...page.items);
    if (page.next === null) return { at, items, isWhole: true };
    address.searchParams.set("after", page.next);
  }
  return { at, items, isWhole: false };
}

/** Looks, each of which says what is new since the one before. */
export class Looks {
  #url;
  #count = 0;
  /** @type {Map<string, string>} What was seen of each item, as JSON. */
  #seen = new Map();

  /** @param {URL} url */
  constructor(url) {
    this.#url = url;
  }

  /**
   * @param {string | undefined} token
   * @param {Map<string, InboxItem>} items What was told before.
   * @param {(item: InboxItem) => boolean} isNews Whether one that was never seen is told of.
   * @returns {Promise<{at: string, changed: InboxItem[]}>}
   */
  async look(token, items, isNews) {
    const most = this.#count++ % WHOLE_EVERY === 0 ? Infinity : 1;
    const found = await listed(this.#url, token, most);
    const gone = found.isWhole ? this.#gone(found.items, items) : [];
    return { at: found.at, changed: [...found.items.filter((one) => this.#isNew(one, items, isNews)), ...gone] };
  }

  /**
   * @param {InboxItem} found
   * @param {Map<string, InboxItem>} items
   * @param {(item: InboxItem) => boolean} isNews
   */
  #isNew(found, items, isNews) {
    const { id } = found.item;
    const told = items.get(id);
    const before = this.#seen.get(id) ?? (told && JSON.stringify(told));
    const now = JSON.stringify(found);
    this.#seen.set(id, now);
    return before === undefined ? isNews(found) : before !== now;
  }

  /**
   * @param {InboxItem[]} found All there are.
   * @param {Map<string, InboxItem>} items
   * @returns {InboxItem[]}
   */
  #gone(found, items) {
    const left = new Set(found.map((one) => one.item.id));
    for (const id of this.#seen.keys()) if (!left.has(id)) this.#seen.delete(id);
    return [...items.values()].filter((one) => !left.has(one.item.id)).map((one) => ({ ...one, role: null }));
  }
}
