/** What stands around a conversation: its title, the tools, how the connection stands. */

import { button, el, icon, write } from "./dom.js";

export class RoomFrame {
  #name = el("bdi", {});
  #id = el("code", { class: "item-id" });
  #tools;

  /**
   * @param {string} itemId
   * @param {{status: import("./connection.js").ConnectionStatus,
   *   company: import("./company.js").Company, conversation: HTMLElement, composer: HTMLElement,
   *   onFind: () => void, onMembers: () => void, onAccess: () => void, onDrop: () => void}} parts
   */
  constructor(itemId, parts) {
    const { status, company, conversation, composer } = parts;
    this.itemId = itemId;
    this.#id.textContent = itemId;
    this.drop = tool("Drop my connection", "plug", parts.onDrop);
    this.drop.title = "Cut the connection, to see it resume where it was";
    this.#tools = el(
      "div",
      { class: "room-tools" },
      company.button,
      button("Search", parts.onFind, { icon: "search", bare: true, class: "button tool" }),
      tool("Members", "people", parts.onMembers),
      tool("API access", "code", parts.onAccess),
      this.drop,
    );
    const heading = el("h1", { tabindex: -1 }, this.#name);
    this.element = el(
      "section",
      { class: "room", "aria-label": "Room" },
      el(
        "header",
        { class: "room-header" },
        backLink(),
        el("div", { class: "room-title" }, heading, this.#id),
        this.#tools,
      ),
      el("div", { class: "room-state" }, status.element, status.note),
      conversation,
      company.line,
      composer,
    );
    this.setTitle("");
  }

  /** @param {string | null} title */
  setTitle(title) {
    write(this.#name, title || this.itemId);
    this.#id.hidden = !title;
  }

  /** The room is no longer the reader's, nor is what can be done with it. */
  close() {
    this.#tools.hidden = true;
  }

  get title() {
    return this.#name.textContent;
  }
}

/** On a phone the items are another page. */
const backLink = () =>
  el("a", { href: "#/", class: "button bare back", "aria-label": "All items" }, icon("back"));

/** @param {string} label @param {string} image @param {() => void} act */
const tool = (label, image, act) =>
  button(label, act, { icon: image, class: "button tool", title: label });
