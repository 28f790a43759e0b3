/** Where messages are written. */

import { composes, el, icon } from "./dom.js";
import { Replying } from "./reply.js";
import { Suggestions } from "./suggestions.js";
import { Allowance, grow } from "./writing.js";

const TYPING_EVERY = 3000; // Milliseconds between two signals that say the same.
/** @type {Map<string, string>} What was begun, by item: it survives a look at another room. */
const drafts = new Map();

export class Composer {
  #box = el("textarea", {
    "aria-label": "Message",
    placeholder: "Write a message",
    rows: 1,
    dir: "auto",
    enterkeyhint: "send",
  });
  #send = el("button", { class: "button primary send" }, icon("send"), el("span", {}, "Send"));
  #note = el("p", { class: "composer-note", hidden: true });
  #allowance;
  #replying;
  #suggestions;
  #typedAt = 0;

  /**
   * @param {string} item
   * @param {{onSend: (body: unknown) => void, onTyping: (on: boolean) => void,
   *   onEditLast: () => void, limit: () => number | null,
   *   candidates: () => import("./suggestions.js").Candidate[]}} acts `limit`: bytes of a body;
   *   `candidates`: whom a message may name.
   */
  constructor(item, acts) {
    this.item = item;
    this.acts = acts;
    this.#allowance = new Allowance(this.#box, acts.limit);
    this.#box.value = drafts.get(item) ?? "";
    this.#suggestions = new Suggestions(this.#box, acts.candidates);
    this.#box.addEventListener("input", () => this.#typed());
    this.#box.addEventListener("keydown", (event) => this.#pressed(event));
    this.#box.addEventListener("blur", () => this.#stopTyping());
    this.#replying = new Replying(() => this.focus());
    const { element } = this.#replying;
    const parts = [element, this.#note, this.#box, this.#send, this.#allowance.element];
    this.element = el("form", { class: "composer" }, this.#suggestions.elements, parts);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#showLength();
  }

  /** What is written next answers a message. @param {import("./timeline.js").Entity} record */
  reply(record) {
    this.#replying.to(record);
    this.focus();
  }

  focus() {
    this.#box.focus({ preventScroll: true });
  }

  /**
   * A message that could not be sent comes back, above what was begun since.
   *
   * @param {string} text
   */
  takeBack(text) {
    this.#box.value = this.#box.value ? `${text}\n\n${this.#box.value}` : text;
    this.#typed();
    this.focus();
    this.#box.setSelectionRange(text.length, text.length);
  }

  /** Let the reader write, or say why not. @param {string} why empty: they may. */
  allow(why) {
    this.#note.textContent = why;
    this.#note.hidden = why === "";
    this.#box.hidden = why !== "";
    this.#send.hidden = why !== "";
    // The room is known now, and with it what fits.
    if (why === "") this.#showLength();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (composes(event)) return; // The Enter that ends a composition is not ours.
    if (this.#suggestions.takes(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#replying.seq !== null) {
      event.preventDefault();
      this.#replying.end();
    } else if (event.key === "ArrowUp" && this.#box.value === "") {
      event.preventDefault();
      this.acts.onEditLast();
    }
  }

  #submit() {
    const text = this.#box.value.trim();
    this.#box.focus();
    if (!text) return;
    this.#box.value = "";
    this.#suggestions.close();
    this.#typed();
    const { seq } = this.#replying;
    this.#replying.end();
    this.acts.onSend(seq === null ? text : { text, reply_to: seq });
  }

  #typed() {
    const text = this.#box.value;
    if (text) drafts.set(this.item, text);
    else drafts.delete(this.item);
    this.#showLength();
    if (!text.trim()) this.#stopTyping();
    else if (Date.now() - this.#typedAt > TYPING_EVERY) {
      this.#typedAt = Date.now();
      this.acts.onTyping(true);
    }
  }

  #stopTyping() {
    if (this.#typedAt === 0) return;
    this.#typedAt = 0;
    this.acts.onTyping(false);
  }

  #showLength() {
    const text = this.#box.value.trim();
    this.#send.disabled = text === "";
    this.#allowance.show(text);
    if (this.#box.isConnected) grow(this.#box);
  }
}
