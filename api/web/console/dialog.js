/** Modal dialogs: the focus goes in and comes back, Escape and a click beside them close them. */

import { button, el } from "./dom.js";
import { form } from "./form.js";

/** @typedef {import("./dom.js").Child} Child */

let lastId = 0;

/**
 * Open a dialog; it leaves the document when it is closed.
 *
 * @param {string} title
 * @param {Child[]} content
 * @param {{onClose?: () => void, isWide?: boolean}} [options]
 */
export function openDialog(title, content, { onClose = () => {}, isWide = false } = {}) {
  lastId += 1;
  const heading = el("h2", { id: `dialog-${lastId}`, tabindex: -1 }, title);
  const attributes = { class: isWide ? "wide" : null, "aria-labelledby": heading.id };
  const close = () => dialog.close();
  const dialog = el(
    "dialog",
    attributes,
    el("header", {}, heading, button("Close", close, { icon: "close", bare: true })),
    el("div", { class: "dialog-body" }, content),
  );
  // The dialog itself is hit only beside its content, which fills it.
  dialog.addEventListener("pointerdown", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
    // What had the focus before may be gone with what was done here.
    if (document.activeElement === document.body) focusBelow();
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector("[autofocus], .dialog-body :is(input, select, textarea)");
  if (first instanceof HTMLElement) first.focus();
  return dialog;
}

/** The focus goes to what a closed dialog stood before. */
function focusBelow() {
  const heading = [...document.querySelectorAll("dialog[open] h2")].at(-1);
  const place = heading ?? document.querySelector("main");
  if (place instanceof HTMLElement) place.focus({ preventScroll: true });
}

/** Another page is shown: what was open was about the one before. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/**
 * Ask before something that cannot be undone.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} label
 * @param {() => Promise<unknown>} act
 */
export function confirmDialog(title, text, label, act) {
  const send = async () => {
    await act();
    dialog.close();
  };
  const look = { isDangerous: true, onCancel: () => dialog.close() };
  const question = form([el("p", {}, text)], label, send, look);
  const dialog = openDialog(title, [question]);
  question.querySelector("button")?.focus();
  return dialog;
}
