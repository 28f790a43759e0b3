/** What can be done with a message: one toolbar that follows the pointer and the focus. */

import { button, composes, el, fill } from "./dom.js";
import { textOf, withText } from "./format.js";
import { Allowance, grow } from "./writing.js";

/** @typedef {import("./timeline.js").Entity} Entity */
/**
 * @typedef {{find: (row: HTMLElement) => Entity | undefined, rights: (record: Entity) =>
 *   {react: boolean, edit: boolean, remove: boolean}, onReact: (record: Entity, value: string) =>
 *   void, onReply: (record: Entity) => void, onLink: (record: Entity) => void, onEdit: (record: Entity) => void, onRemove: (record: Entity) => void}} Acts
 */

const QUICK = ["👍", "❤️", "😄", "🎉", "👀", "✅"];

export class Actions {
  #toolbar = el("div", { class: "toolbar", role: "toolbar", "aria-label": "Message actions" });
  /** @type {HTMLElement | null} The row that has the toolbar. */
  #row = null;

  /** @param {HTMLElement} canvas The list of rows. @param {Acts} acts */
  constructor(canvas, acts) {
    this.acts = acts;
    canvas.addEventListener("pointerover", (event) => {
      // A finger has no hover: a tap gives the row the focus, and so the toolbar.
      if (matchMedia("(hover: hover)").matches) this.#attend(event.target);
    });
    canvas.addEventListener("focusin", (event) => this.#focused(event.target));
    canvas.addEventListener("focusout", (event) => tabbable(event.target, -1));
    canvas.addEventListener("pointerleave", () => {
      if (!this.#isBusy) this.hide();
    });
  }

  hide() {
    this.#toolbar.remove();
    this.#row = null;
  }

  /**
   * The row is drawn again: the toolbar goes on to the new element.
   *
   * @param {HTMLElement} old
   * @param {HTMLElement} element
   */
  follow(old, element) {
    if (this.#row !== old) return;
    this.hide();
    this.#attend(element);
  }

  /** Whether the reader is in the toolbar: then the pointer does not take it away. */
  get #isBusy() {
    return this.#toolbar.contains(document.activeElement);
  }

  /** @param {EventTarget | null} target */
  #focused(target) {
    tabbable(target, 0);
    this.#attend(target, true);
  }

  /** @param {EventTarget | null} target @param {boolean} [isFocus] */
  #attend(target, isFocus = false) {
    const row = target instanceof Element ? target.closest(".row-message") : null;
    if (row === this.#row || (this.#isBusy && !isFocus)) return;
    this.hide();
    if (!(row instanceof HTMLElement)) return;
    const record = this.acts.find(row);
    if (!record || record.deleted) return;
    this.#row = row;
    this.#showButtons(row, record);
  }

  /** @param {HTMLElement} row @param {Entity} record */
  #showButtons(row, record) {
    const { react, edit, remove } = this.acts.rights(record);
    const buttons = [
      react && button("React", () => this.#showChoices(row, record), { icon: "smile", bare: true }),
      react && button("Reply", () => this.acts.onReply(record), { icon: "reply", bare: true }),
      button("Copy link", () => this.acts.onLink(record), { icon: "link", bare: true }),
      edit && button("Edit", () => this.acts.onEdit(record), { icon: "edit", bare: true }),
      remove && button("Delete", () => this.acts.onRemove(record), { icon: "trash", bare: true }),
    ];
    fill(this.#toolbar, buttons);
    row.append(this.#toolbar);
  }

  /** @param {HTMLElement} row @param {Entity} record */
  #showChoices(row, record) {
    const choose = (/** @type {string} */ value) => {
      this.acts.onReact(record, value);
      row.focus({ preventScroll: true });
      this.#showButtons(row, record);
    };
    const look = { class: "button bare" };
    const quick = QUICK.map((value) => button(value, () => choose(value), look));
    const attributes = { "aria-label": "Other reaction", placeholder: "other", maxlength: 32 };
    const other = el("input", { type: "text", ...attributes });
    other.addEventListener("keydown", (event) => {
      if (composes(event)) event.stopPropagation();
      else if (event.key === "Enter" && other.value.trim()) choose(other.value.trim());
    });
    const group = el("div", { role: "group", "aria-label": "Reactions to choose" }, quick, other);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      row.focus({ preventScroll: true });
      this.#showButtons(row, record);
    });
    fill(this.#toolbar, group);
    quick[0].focus({ preventScroll: true });
  }
}

/**
 * Tab goes through the buttons of the row that has the focus, not through those of all rows.
 *
 * @param {EventTarget | null} target
 * @param {0 | -1} index
 */
function tabbable(target, index) {
  const row = target instanceof Element ? target.closest(".row-message") : null;
  for (const chip of row?.querySelectorAll("button.chip, button.quote, button.copy") ?? []) {
    chip.setAttribute("tabindex", String(index));
  }
}

/**
 * The message's text in place of it, to be changed.
 *
 * @param {HTMLElement} row
 * @param {Entity} record
 * @param {{onSave: (body: unknown) => void, onEnd: () => void, limit: () => number | null}} then
 *   `limit`: bytes of a body.
 */
export function editInline(row, record, { onSave, onEnd, limit }) {
  const before = textOf(record.body) ?? "";
  const box = el("textarea", { "aria-label": "Edit message", rows: 1, dir: "auto" });
  box.value = before;
  const allowance = new Allowance(box, limit);
  const fits = () => allowance.show(withText(record.body, box.value.trim()));
  const save = () => {
    const text = box.value.trim();
    if (!fits()) return;
    if (text && text !== before) onSave(withText(record.body, text));
    onEnd();
  };
  box.addEventListener("input", () => {
    grow(box);
    fits();
  });
  box.addEventListener("keydown", (event) => {
    if (composes(event)) return;
    if (event.key === "Escape") onEnd();
    else if (event.key === "Enter" && !event.shiftKey) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const buttons = el(
    "div",
    { class: "row-buttons" },
    button("Save", save, { class: "button small primary" }),
    button("Cancel", onEnd, { class: "button small" }),
    el("span", { class: "hint" }, "Enter saves, Escape cancels"),
  );
  const editor = el("div", { class: "editor" }, box, allowance.element, buttons);
  row.querySelector(".body")?.replaceWith(editor);
  grow(box);
  box.focus({ preventScroll: true });
  box.setSelectionRange(before.length, before.length);
}
