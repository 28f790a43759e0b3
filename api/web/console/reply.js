/** Messages that answer others: what is quoted, and what is being answered. */

import { button, el } from "./dom.js";
import { shown } from "./format.js";

const QUOTED = 140; // Characters of the message that is answered.

/**
 * The seq that a body answers, by the convention of docs/protocol.md, "Bodies"; null: none.
 *
 * @param {unknown} body
 */
export function answered(body) {
  if (body === null || typeof body !== "object") return null;
  const seq = /** @type {{reply_to?: unknown}} */ (body).reply_to;
  return Number.isSafeInteger(seq) && Number(seq) > 0 ? Number(seq) : null;
}

/** @param {import("./timeline.js").Entity | undefined} record undefined: it is not loaded. */
const quoteOf = (record) => {
  if (!record) return ["An earlier message"];
  if (record.deleted) return ["A message that was deleted"];
  const text = shown(record.body).text.replace(/\s+/gu, " ");
  const cut = text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
  return [el("bdi", { class: "author" }, record.by.name), " ", el("span", { dir: "auto" }, cut)];
};

/**
 * The message that is answered, above the answer: it leads there.
 *
 * @param {import("./timeline.js").Entity | undefined} record
 * @param {() => void} onJump
 */
export const quote = (record, onJump) =>
  el(
    "button",
    { type: "button", class: "quote", tabindex: -1, onclick: onJump, title: "Go to that message" },
    el("span", { class: "unseen" }, "In reply to "),
    quoteOf(record),
  );

/** What is being answered, above the box in which it is written. */
export class Replying {
  /** The seq of what is answered; null: nothing is. @type {number | null} */
  seq = null;
  element = el("div", { class: "replying", hidden: true });

  /** @param {() => void} onEnd */
  constructor(onEnd) {
    this.onEnd = onEnd;
  }

  /** @param {import("./timeline.js").Entity} record */
  to(record) {
    this.seq = record.seq;
    const end = button("Do not reply", () => this.#give(), { icon: "close", bare: true });
    const said = el("p", {}, el("span", { class: "hint" }, "Replying to "), quoteOf(record));
    this.element.replaceChildren(said, end);
    this.element.hidden = false;
  }

  /** Nothing is answered any more. */
  end() {
    this.seq = null;
    this.element.hidden = true;
  }

  #give() {
    this.end();
    this.onEnd();
  }
}
