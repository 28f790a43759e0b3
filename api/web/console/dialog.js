/** Modal dialogs: the focus goes in and comes back, Escape and a click beside them close them. */

import { button, el } from "./dom.js";

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
  const heading = el("h2", { id: `dialog-${lastId}` }, title);
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
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector("[autofocus], .dialog-body :is(input, select, textarea)");
  if (first instanceof HTMLElement) first.focus();
  return dialog;
}

/** Another page is shown: what was open was about the one before. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/**
 * A form that is sent by a call and shows its refusal in words.
 *
 * @param {Child[]} content
 * @param {string} label Of the button that sends it.
 * @param {() => Promise<unknown>} send
 * @param {{class?: string, isDangerous?: boolean}} [look]
 */
export function form(content, label, send, look = {}) {
  const kind = look.isDangerous ? "button danger" : "button primary";
  const submit = el("button", { type: "submit", class: kind }, label);
  const error = el("p", { class: "error", role: "alert" });
  const element = el(
    "form",
    { class: look.class ?? "stack" },
    content,
    error,
    el("div", { class: "row-buttons" }, submit),
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    error.textContent = "";
    try {
      await send();
    } catch (refusal) {
      error.textContent = refusal instanceof Error ? refusal.message : String(refusal);
    } finally {
      submit.disabled = false;
    }
  });
  return element;
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
  const question = form([el("p", {}, text)], label, send, { isDangerous: true });
  const dialog = openDialog(title, [question]);
  question.querySelector("button")?.focus();
}
