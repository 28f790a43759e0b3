/** My items, newest activity first, and how to make another one. */

import { Session } from "../itemroom.js";

import * as api from "./api.js";
import { openDialog } from "./dialog.js";
import { CODE_INPUT, button, el, field, fill, select } from "./dom.js";
import { form } from "./form.js";
import { ago, fullTime } from "./format.js";
import { hashOf } from "./links.js";
import { complain } from "./notices.js";
import { SERVER } from "./paths.js";

/** @typedef {import("./api.js").ListedItem} Item */

const EVERY_MS = 10_000; // Times grow old; and while nothing is told, the server is asked.
const SOON_MS = 400; // A burst of activity asks once.

/** @type {[string, string][]} */
export const OPENNESS = [
  ["", "Only members"],
  ["reader", "Everyone signed in can read"],
  ["writer", "Everyone signed in can write"],
];

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
  /** Tells when an item changes. */
  #session = new Session(SERVER, { inbox: "changes" });
  #isAsking = false;
  #isAskedAgain = false;
  #isSoon = false;
  #drawn = "";
  #stop = new AbortController();
  #list = el("ul", { class: "items", role: "list", "aria-label": "My items" });
  #more = button("Show older items", () => this.#showMore(), { class: "button small more" });

  /**
   * @param {{onUnread: (count: number) => void, onGone: () => void,
   *   notifications: import("./notifications.js").Notifications}} app
   */
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
    const refresh = () => document.hidden || this.refresh();
    addEventListener("focus", refresh, { signal });
    document.addEventListener("visibilitychange", refresh, { signal });
    const { inbox } = this.#session;
    inbox.addEventListener("item", ({ detail }) => {
      this.app.notifications.hear(detail);
      this.soon();
    });
    inbox.addEventListener("refused", () => this.app.onGone());
    this.#every();
  }

  end() {
    this.#stop.abort();
    this.#session.close();
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
    if (this.#isSoon) return; // The timer runs for that.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), EVERY_MS);
  }

  #look() {
    if (!document.hidden && !this.#session.inbox.isReady) return void this.refresh();
    this.#draw();
    this.#every();
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
    this.app.notifications.know(items);
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
    const { unread, mentions } = isCurrent ? { unread: 0, mentions: 0 } : item;
    const attributes = {
      class: `item${unread > 0 ? " unread" : ""}`,
      href: hashOf(item.id),
      "data-id": item.id,
      "aria-current": isCurrent ? "page" : null,
    };
    const time = { datetime: item.active_at, title: fullTime(item.active_at) };
    const parts = [
      el("span", { class: "item-title" }, el("bdi", {}, item.title || item.id)),
      el("time", time, ago(item.active_at)),
      el("code", { class: "item-id" }, item.title ? item.id : item.role),
      unread > 0 || mentions > 0 ? badges(unread, mentions) : null,
    ];
    // Blanks between them: the link's name is read out as one sentence.
    return el("li", {}, el("a", attributes, parts.flatMap((part) => [part, " "])));
  }
}

/** @param {number} unread @param {number} mentions */
const badges = (unread, mentions) =>
  el(
    "span",
    { class: "badges" },
    mentions > 0 ? badge(`@${mentions}`, mentions > 1 ? " mentions " : " mention ") : null,
    unread > 0 ? badge(String(unread), " unread") : null,
  );

/** @param {string} count @param {string} of */
const badge = (count, of) =>
  el("span", { class: "badge" }, count, el("span", { class: "unseen" }, of));

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
    location.hash = hashOf(item.id);
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
    location.hash = hashOf(item.id);
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
