/** The way back to the newest message, and how many came meanwhile. */

import { el, icon, write } from "./dom.js";

export class Jump {
  #text = el("span", {}, "Jump to latest");

  /** @param {() => void} onClick */
  constructor(onClick) {
    const attributes = { type: "button", class: "button jump", hidden: true, onclick: onClick };
    this.element = el("button", attributes, icon("down"), this.#text);
  }

  /** @param {boolean} isThere Whether the reader is at the newest. @param {number} unseen */
  show(isThere, unseen) {
    this.element.hidden = isThere;
    write(this.#text, `Jump to latest${unseen > 0 ? `, ${unseen} new` : ""}`);
  }
}
