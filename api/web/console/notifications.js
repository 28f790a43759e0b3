/** What the browser shows of new messages while nobody looks at the page, if the reader wants it. */

import * as api from "./api.js";
import { textOf } from "./format.js";
import { wordsIn } from "./markdown.js";

/** @typedef {import("./timeline.js").Entry} Entry */
/** @typedef {"off" | "mentions" | "all"} Wish */
/**
 * @typedef {{item: {id: string, title: string}, role: string | null, head: number,
 *   read_seq: number}} News What the inbox tells of an item.
 */

const LOOKED_AT = 100; // New messages of one item at a time; of more the newest count.
const MOST_WORDS = 200;
const MOST_SHOWN = 3; // One after the other; what a burst brings beyond is read in the room.

export const isPossible = () => "Notification" in globalThis;

export class Notifications {
  /** @type {Map<string, number>} The newest entry that was looked at, by item. */
  #heads = new Map();
  /** @type {Set<Notification>} */
  #shown = new Set();
  #stop = new AbortController();

  /** @param {import("./api.js").Me} me @param {(item: string, seq: number) => void} onOpen */
  constructor(me, onOpen) {
    this.me = me;
    this.onOpen = onOpen;
    const { signal } = this.#stop;
    document.addEventListener("visibilitychange", () => document.hidden || this.#clear(), { signal });
  }

  end() {
    this.#stop.abort();
    this.#clear();
  }

  /** @returns {Wish} */
  get wish() {
    if (!isPossible() || Notification.permission !== "granted") return "off";
    const wish = stored(this.#key);
    return wish === "mentions" || wish === "all" ? wish : "off";
  }

  /** Ask for what the browser has to allow: only ever because of a click. @param {Wish} wish */
  async choose(wish) {
    if (wish !== "off" && (await Notification.requestPermission()) !== "granted") {
      throw new Error("Your browser does not let this page notify you: its settings of the site say so.");
    }
    // What is there already is no news, told of or not.
    const { items } = await api.items(null);
    for (const { id, head } of items) this.saw(id, head);
    store(this.#key, wish);
  }

  /** Where the items stood when the page came. @param {{id: string, head: number}[]} items */
  know(items) {
    for (const { id, head } of items) if (!this.#heads.has(id)) this.#heads.set(id, head);
  }

  /** What is up to here is no news. @param {string} item @param {number} seq */
  saw(item, seq) {
    this.#heads.set(item, Math.max(this.#heads.get(item) ?? 0, seq));
  }

  /** An item has changed. @param {News} news */
  async hear({ item, role, head, read_seq: read }) {
    const after = Math.max(this.#heads.get(item.id) ?? read, read);
    this.saw(item.id, Math.max(after, head));
    if (role === null || head <= after || !document.hidden || this.wish === "off") return;
    /** @type {{messages: Entry[]}} */
    const { messages } = await api.messages(item.id, { limit: LOOKED_AT }).catch(NONE);
    const news = messages.filter((message) => message.seq > after && this.#concerns(message));
    if (!document.hidden || this.#stop.signal.aborted) return;
    for (const message of news.slice(-MOST_SHOWN)) this.#show(item, message);
  }

  /** @param {Entry} message */
  #concerns({ by, body, deleted_seq: deleted }) {
    if (by.id === this.me.id || deleted !== undefined) return false;
    return this.wish === "all" || mentionsIn(body).includes(this.me.username);
  }

  /** @param {{id: string, title: string}} item @param {Entry} message */
  #show(item, { seq, by, body }) {
    const words = wordsIn(textOf(body) ?? "").slice(0, MOST_WORDS);
    // Another tab of this browser that tells the same takes its place.
    const tag = `${item.id}/${seq}`;
    const notification = notify(`${by.name} · ${item.title || item.id}`, { body: words, tag });
    if (!notification) return;
    this.#shown.add(notification);
    notification.addEventListener("close", () => this.#shown.delete(notification));
    notification.addEventListener("click", () => {
      notification.close();
      focus();
      this.onOpen(item.id, seq);
    });
  }

  #clear() {
    for (const notification of this.#shown) notification.close();
    this.#shown.clear();
  }

  /** Each who signs in here chooses for themselves. */
  get #key() {
    return `itemroom.notifications.${this.me.id}`;
  }
}

const NONE = () => ({ messages: [] });

/** @param {unknown} body @returns {unknown[]} */
function mentionsIn(body) {
  const { mentions } = /** @type {{mentions?: unknown}} */ (body ?? {});
  return Array.isArray(mentions) ? mentions : [];
}

/** @param {string} title @param {NotificationOptions} options */
function notify(title, options) {
  try {
    return new Notification(title, options);
  } catch {
    return null; // Some browsers of phones let only programs that are installed notify.
  }
}

/** @param {string} key */
function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // The reader lets no page keep anything.
  }
}

/** @param {string} key @param {string} value */
function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    throw new Error("Your browser does not let this page keep your choice.");
  }
}
