/** Members whom the box offers behind an `@`: a list that is walked from within the box. */

import { composes, el, fill, write } from "./dom.js";
import { counted } from "./format.js";
import { avatar } from "./people.js";

/** @typedef {{user: {id: string, name: string}, username: string, isHere: boolean}} Candidate */

const MOST = 8;
// As mentions.js finds them; a name that has only been begun may be empty.
const BEGUN = /(?<![\w@.-])@([a-z0-9._-]{0,64})$/iu;
let lastId = 0;

/**
 * The mention that is being written at a place of a text, and where it begins.
 *
 * @param {string} text
 * @param {number} caret
 */
export function begunAt(text, caret) {
  const found = BEGUN.exec(text.slice(Math.max(0, caret - 80), caret));
  return found ? { word: found[1].toLowerCase(), start: caret - found[0].length } : null;
}

/**
 * Those whose username or name begins so: who is here first, then by username.
 *
 * @param {Candidate[]} candidates
 * @param {string} word
 */
export function matching(candidates, word) {
  const begins = (/** @type {Candidate} */ { user, username }) =>
    username.startsWith(word)
    || user.name.toLowerCase().split(/[\s-]+/u).some((part) => part.startsWith(word));
  const order = (/** @type {Candidate} */ one, /** @type {Candidate} */ other) =>
    Number(other.isHere) - Number(one.isHere) || (one.username < other.username ? -1 : 1);
  return candidates.filter(begins).sort(order).slice(0, MOST);
}

export class Suggestions {
  #box;
  #candidates;
  #list = el("ul", { class: "suggestions", role: "listbox", "aria-label": "Members", hidden: true });
  #told = el("p", { class: "unseen", role: "status", "aria-label": "Suggestions" });
  /** @type {Candidate[]} What is offered; empty: the list is closed. */
  #offered = [];
  #chosen = 0;
  #start = -1;
  /** Where the reader has closed the list: it stays so until another mention is begun. */
  #dismissed = -1;

  /** @param {HTMLTextAreaElement} box @param {() => Candidate[]} candidates */
  constructor(box, candidates) {
    lastId += 1;
    this.#box = box;
    this.#candidates = candidates;
    this.#list.id = `suggestions-${lastId}`;
    this.elements = [this.#list, this.#told];
    box.setAttribute("aria-autocomplete", "list");
    for (const type of ["input", "click"]) box.addEventListener(type, () => this.#look());
    box.addEventListener("keyup", (event) => {
      if (/^(ArrowLeft|ArrowRight|Home|End)$/u.test(event.key)) this.#look();
    });
    box.addEventListener("blur", () => this.close());
  }

  /** Take a key that is for the list. @param {KeyboardEvent} event @returns {boolean} */
  takes(event) {
    if (this.#offered.length === 0 || composes(event) || event.ctrlKey || event.metaKey) return false;
    const { length } = this.#offered;
    if (event.key === "ArrowDown") this.#mark((this.#chosen + 1) % length);
    else if (event.key === "ArrowUp") this.#mark((this.#chosen + length - 1) % length);
    else if (event.key === "Escape") this.#dismiss();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#insert();
    else return false;
    event.preventDefault();
    return true;
  }

  close() {
    this.#offered = [];
    this.#list.hidden = true;
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-activedescendant"]) {
      this.#box.removeAttribute(name);
    }
    write(this.#told, "");
  }

  #dismiss() {
    this.#dismissed = this.#start;
    this.close();
  }

  #look() {
    const { value, selectionStart, selectionEnd } = this.#box;
    const begun = selectionStart === selectionEnd ? begunAt(value, selectionStart) : null;
    if (begun?.start !== this.#dismissed) this.#dismissed = -1;
    if (!begun || begun.start === this.#dismissed) return this.close();
    const offered = matching(this.#candidates(), begun.word);
    if (offered.length === 0) return this.close();
    this.#start = begun.start;
    this.#offered = offered;
    this.#show();
  }

  #show() {
    fill(this.#list, this.#offered.map((candidate, index) => this.#option(candidate, index)));
    this.#list.hidden = false;
    // A text of many lines is a combobox only as long as there is something to choose.
    this.#box.setAttribute("role", "combobox");
    this.#box.setAttribute("aria-expanded", "true");
    this.#box.setAttribute("aria-controls", this.#list.id);
    write(this.#told, counted(this.#offered.length, "member"));
    this.#mark(0);
  }

  /** @param {Candidate} candidate @param {number} index */
  #option({ user, username, isHere }, index) {
    const attributes = { role: "option", id: `${this.#list.id}-${index}` };
    const option = el(
      "li",
      attributes,
      avatar(user),
      el("bdi", { class: "who" }, user.name),
      el("code", {}, `@${username}`),
      isHere ? el("span", { class: "hint" }, "here") : null,
    );
    option.addEventListener("pointerdown", (event) => event.preventDefault()); // The box keeps the focus.
    option.addEventListener("click", () => {
      this.#chosen = index;
      this.#insert();
    });
    return option;
  }

  /** @param {number} index */
  #mark(index) {
    this.#chosen = index;
    [...this.#list.children].forEach((option, place) =>
      option.setAttribute("aria-selected", String(place === index)),
    );
    const option = this.#list.children[index];
    this.#box.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  #insert() {
    const name = `@${this.#offered[this.#chosen].username} `;
    const caret = this.#box.selectionEnd;
    this.close();
    this.#box.setSelectionRange(this.#start, caret);
    // Unlike what a script writes into the box, this can be undone by the reader.
    if (document.execCommand("insertText", false, name)) return;
    this.#box.setRangeText(name, this.#start, caret, "end");
    this.#box.dispatchEvent(new InputEvent("input"));
  }
}
