/** What is told aside: to screen readers alone, or to everybody for some seconds. */

import { button, el, fill } from "./dom.js";
import { counted } from "./format.js";

const GATHER_MS = 800; // A burst of messages is told as one.
const SHOWN_MS = 8000;
const MAX_READ_OUT = 2;

const announcer = el("div", {
  id: "announcer",
  class: "unseen",
  role: "log",
  "aria-live": "polite",
  "aria-label": "New messages",
});
const toasts = el("div", { class: "toasts", role: "alert", "aria-label": "Notice" });

/** @type {string[]} */
let gathered = [];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;

/** It has to be in the document before there is anything to read out. */
export const regions = () => [announcer];

/** A new message, for screen readers. @param {string} line */
export function announce(line) {
  gathered.push(line);
  if (gathered.length === 1) setTimeout(readOut, GATHER_MS);
}

function readOut() {
  const isMany = gathered.length > MAX_READ_OUT;
  const lines = isMany ? [counted(gathered.length, "new message")] : gathered;
  gathered = [];
  fill(announcer, ...lines.map((line) => el("p", {}, line)));
}

/** Something that did not work, in words. @param {string} text */
export function toast(text) {
  clearTimeout(hiding);
  const hide = () => fill(toasts);
  const close = button("Close notice", hide, { icon: "close", bare: true });
  // Behind a modal dialog it could be neither read nor closed.
  const host = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  host.append(toasts);
  fill(toasts, el("div", { class: "toast" }, el("span", {}, text), close));
  hiding = setTimeout(hide, SHOWN_MS);
}

/** A refusal as a notice. @param {unknown} error */
export function complain(error) {
  toast(error instanceof Error ? error.message : String(error));
}
