/** My items, newest activity first, and how to make another one. */

import * as api from "./api.js";
import { openDialog } from "./dialog.js";
import { CODE_INPUT, button, el, field, fill, select } from "./dom.js";
import { form } from "./form.js";
import { ago, fullTime } from "./format.js";
import { complain } from "./notices.js";

/** @typedef {import("./api.js").Item} Item */

const EVERY_MS = 10_000;
// Who has just been made a member may be sitting before the page: while somebody is, it looks at
// the newest few items. The server answers in 2 ms of its time: a thousandth of a core for each.
const GLANCE_MS = 2000;
const GLANCED_AT = 3;
const PRESENT_MS = 5 * 60_000; // How long after the last sign of somebody it goes on so.
const SOON_MS = 400; // A burst of activity asks once.

/** @type {[string, string][]} */
export const OPENNESS = [
  ["", "Only members"],
  ["reader", "Everyone signed in can read"],
  ["writer", "Everyone signed in can write"],
];

/** @param {string} id */
export const roomHash = (id) => `#/items/${encodeURIComponent(id)}`;

export class ItemList {
  /** @type {Item[]} */
  #items = [];
  /** @type {string | null} Where older items begin. */
  #next = null;
  #pages = 1;
  /** @type {string | null} */
  #current = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #askedAt = 0;
  #noticedAt = Date.now();
  #isAsking = false;
  #isAskedAgain = false;
  #isSoon = false;
  #drawn = "";
  #stop = new AbortController();
  #list = el("ul", { class: "items", role: "list", "aria-label": "My items" });
  #more = button("Show older items", () => this.#showMore(), { class: "button small more" });

  /** @param {{onUnread: (count: number) => void}} app */
  constructor(app) {
    this.app = app;
    this.#more.hidden = true;
    const tools = el(
      "div",
      { class: "list-tools" },
      button("Open an item by id", openById, { icon: "open", bare: true }),
      button("New item", newItem, { icon: "plus", class: "button primary small" }),
    );
    this.element = el(
      "div",
      { class: "item-list" },
      el("header", { class: "list-header" }, el("h2", {}, "Items"), tools),
      el("div", { class: "items-scroller" }, this.#list, this.#more),
    );
    const { signal } = this.#stop;
    const notice = () => (this.#noticedAt = Date.now());
    const refresh = () => {
      notice();
      if (!document.hidden) this.refresh();
    };
    addEventListener("focus", refresh, { signal });
    document.addEventListener("visibilitychange", refresh, { signal });
    addEventListener("pointerdown", notice, { signal });
    addEventListener("keydown", notice, { signal });
    this.#every();
  }

  end() {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  /** @param {string | null} id The item whose room is open. */
  select(id) {
    this.#current = id;
    this.#draw();
  }

  /** Something has happened: ask, but not for each of many things. */
  soon() {
    if (this.#isSoon) return;
    this.#isSoon = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), SOON_MS);
  }

  async refresh() {
    if (this.#stop.signal.aborted) return;
    if (this.#isAsking) {
      this.#isAskedAgain = true;
      return;
    }
    this.#isAsking = true;
    this.#isAskedAgain = this.#isSoon = false;
    this.#askedAt = Date.now();
    try {
      await this.#ask();
    } catch {
      // The list stays as it was; the room says how the connection stands.
    }
    this.#isAsking = false;
    if (this.#stop.signal.aborted) return;
    if (this.#isAskedAgain) this.soon();
    else this.#every();
  }

  #every() {
    clearTimeout(this.#timer);
    const isSomebodyThere = Date.now() - this.#noticedAt < PRESENT_MS;
    this.#timer = setTimeout(() => this.#look(), isSomebodyThere ? GLANCE_MS : EVERY_MS);
  }

  async #look() {
    const isDue = Date.now() - this.#askedAt >= EVERY_MS;
    if (!document.hidden && (isDue || (await this.#isNews()))) this.refresh();
    else if (!this.#isSoon && !this.#stop.signal.aborted) this.#every();
  }

  /** Whether the reader has come into an item, or has another role in one. */
  async #isNews() {
    const { items } = await api.items(null, GLANCED_AT).catch(() => ({ items: [] }));
    const known = new Map(this.#items.map(({ id, role }) => [id, role]));
    return items.some(({ id, role }) => known.get(id) !== role);
  }

  async #ask() {
    /** @type {Item[]} */
    const items = [];
    /** @type {string | null} */
    let after = null;
    for (let page = 0; page < this.#pages; page += 1) {
      const answer = await api.items(after);
      items.push(...answer.items);
      after = answer.next;
      if (after === null) break;
    }
    this.#items = items;
    this.#next = after;
    this.#draw();
  }

  #showMore() {
    this.#pages += 1;
    this.refresh().catch(complain);
  }

  #draw() {
    const minute = Math.floor(Date.now() / 60_000); // Of "5 min".
    const { hidden } = document;
    const state = JSON.stringify([this.#current, this.#next, this.#items, minute, hidden]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    const focused = document.activeElement?.closest(".item");
    const focusedId = focused instanceof HTMLElement ? focused.dataset.id : null;
    fill(this.#list, this.#items.map((item) => this.#row(item)));
    if (this.#items.length === 0) fill(this.#list, el("li", { class: "empty" }, NOTHING));
    this.#more.hidden = this.#next === null;
    const again = focusedId && this.#list.querySelector(`[data-id="${CSS.escape(focusedId)}"]`);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    this.app.onUnread(this.#items.reduce((sum, item) => sum + this.#unread(item), 0));
  }

  /** Of an open room nothing is unread, unless nobody looks at the page. @param {Item} item */
  #unread(item) {
    return item.id === this.#current && !document.hidden ? 0 : item.unread;
  }

  /** @param {Item} item */
  #row(item) {
    const isCurrent = item.id === this.#current;
    const unread = isCurrent ? 0 : item.unread;
    const attributes = {
      class: `item${unread > 0 ? " unread" : ""}`,
      href: roomHash(item.id),
      "data-id": item.id,
      "aria-current": isCurrent ? "page" : null,
    };
    const time = { datetime: item.active_at, title: fullTime(item.active_at) };
    const parts = [
      el("span", { class: "item-title" }, el("bdi", {}, item.title || item.id)),
      el("time", time, ago(item.active_at)),
      el("code", { class: "item-id" }, item.title ? item.id : item.role),
      unread > 0 ? badge(unread) : null,
    ];
    // Blanks between them: the link's name is read out as one sentence.
    return el("li", {}, el("a", attributes, parts.flatMap((part) => [part, " "])));
  }
}

/** @param {number} count */
const badge = (count) =>
  el("span", { class: "badge" }, String(count), el("span", { class: "unseen" }, " unread"));

const NOTHING = "Nothing here yet. Make an item, or let somebody add you to one of theirs.";

function newItem() {
  const id = el("input", { ...CODE_INPUT, name: "id", maxlength: 128 });
  const title = el("input", { name: "title", autocomplete: "off", maxlength: 200 });
  const openness = select(OPENNESS, "");
  const send = async () => {
    const item = await api.createItem({
      ...(id.value.trim() ? { id: id.value.trim() } : {}),
      title: title.value.trim(),
      default_role: /** @type {import("./api.js").Role | null} */ (openness.value || null),
    });
    dialog.close();
    location.hash = roomHash(item.id);
  };
  const content = [
    field("Item id (optional)", id, "Your product's own id, as order-17. Without one it is made."),
    field("Title (optional)", title),
    field("Who can join", openness),
  ];
  const look = { onCancel: () => dialog.close() };
  const dialog = openDialog("New item", [form(content, "Create item", send, look)]);
}

function openById() {
  const id = el("input", { ...CODE_INPUT, name: "id", required: true });
  const send = async () => {
    const item = await api.item(id.value.trim());
    dialog.close();
    location.hash = roomHash(item.id);
  };
  const content = [field("Item id", id, "Of an item that everyone signed in can join.")];
  const look = { codes: { item_not_found: "id" }, onCancel: () => dialog.close() };
  const dialog = openDialog("Open an item", [form(content, "Open", send, look)]);
}

/** What is shown where no item is open. */
export const noItem = () =>
  el(
    "section",
    { class: "no-item", "aria-label": "No item" },
    el("h1", { class: "unseen" }, "Itemroom"),
    el("p", {}, "Choose an item to see its room, or make a new one."),
    button("Make an item", newItem, { class: "button primary" }),
  );
