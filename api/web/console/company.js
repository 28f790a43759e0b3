/** The others in the room: who is here, who is typing, how far they have read. */

import { openDialog } from "./dialog.js";
import { el, fill } from "./dom.js";
import { counted, listed } from "./format.js";
import { avatar } from "./people.js";

/** @typedef {{id: string, name: string}} User */

const TYPING_MS = 6000; // Twice the time between two signals: one may be lost.
const FACES = 3;
const UNTOLD = 200; // Above so many users the server tells only their number.

export class Company {
  #button = el("button", { type: "button", class: "button here", hidden: true });
  #typingLine = el("span", { role: "status", "aria-label": "Typing", class: "typing" });
  #seenLine = el("span", { class: "seen" });
  /** What the dialog shows, which follows while it is open. */
  #everybody = el("div");
  /** @type {{count: number, users?: User[]}} */
  #presence = { count: 0, users: [] };
  /** @type {Map<string, {name: string, timer: ReturnType<typeof setTimeout>}>} */
  #typing = new Map();
  /** @type {Map<string, {name: string, seq: number}>} */
  #read = new Map();

  /** @param {User} me */
  constructor(me) {
    this.me = me;
    this.button = this.#button;
    this.line = el("div", { class: "company-line" }, this.#typingLine, this.#seenLine);
    this.#button.addEventListener("click", () => openDialog("Who is here", [this.#everybody]));
  }

  /** @param {{count: number, users?: User[]}} presence */
  show(presence) {
    this.#presence = presence;
    this.#button.hidden = false;
    delete this.#button.dataset.stale;
    const users = this.#others();
    const label = `${presence.count} here`;
    const faces = el("span", { class: "faces" }, users.slice(0, FACES).map(avatar));
    this.#button.title = listed([...users.map((user) => user.name), "you"], 8);
    fill(this.#button, users.length > 0 ? faces : null, label);
    this.#nameAll();
  }

  /** Whether somebody is here, as far as is told. @param {string} id */
  has(id) {
    return this.#presence.users?.some((user) => user.id === id) ?? false;
  }

  /** @param {User} by @param {boolean} isTyping */
  typing(by, isTyping) {
    if (by.id === this.me.id) return;
    clearTimeout(this.#typing.get(by.id)?.timer);
    this.#typing.delete(by.id);
    if (isTyping) {
      const timer = setTimeout(() => this.typing(by, false), TYPING_MS);
      this.#typing.set(by.id, { name: by.name, timer });
    }
    const names = [...this.#typing.values()].map(({ name }) => name);
    const verb = names.length === 1 ? "is" : "are";
    told(this.#typingLine, "", names, ` ${verb} typing…`);
  }

  /** @param {User} by @param {number} seq */
  read(by, seq) {
    if (by.id !== this.me.id) this.#read.set(by.id, { name: by.name, seq });
  }

  /** Who has seen our message, when it is the newest. @param {number | null} seq */
  showSeen(seq) {
    const readers = seq === null ? [] : [...this.#read.values()].filter((mark) => mark.seq >= seq);
    told(this.#seenLine, "Seen by ", readers.map(({ name }) => name), "");
  }

  /** There is no connection: who is here now, and who is typing, nobody can say. */
  lose() {
    this.#button.dataset.stale = "yes";
    for (const { timer } of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    told(this.#typingLine, "", [], "");
  }

  end() {
    for (const { timer } of this.#typing.values()) clearTimeout(timer);
  }

  #others() {
    return (this.#presence.users ?? []).filter((user) => user.id !== this.me.id);
  }

  #nameAll() {
    const { count, users } = this.#presence;
    const listItem = (/** @type {User} */ user) =>
      el("li", {}, avatar(user), el("bdi", {}, user.name), user.id === this.me.id ? " (you)" : "");
    const attributes = { class: "people", role: "list", "aria-label": "People here" };
    const content = users && count <= UNTOLD
      ? el("ul", attributes, users.map(listItem))
      : el("p", {}, `${counted(count, "person", "people")}: too many to name.`);
    fill(this.#everybody, content);
  }
}

/**
 * A line about some people, or none; the names keep their writing direction to themselves.
 *
 * @param {HTMLElement} line
 * @param {string} before
 * @param {string[]} names
 * @param {string} after
 */
function told(line, before, names, after) {
  const text = names.length > 0 ? before + listed(names) + after : "";
  if (line.textContent === text) return;
  fill(line, text && [before, el("bdi", {}, listed(names)), after]);
}
