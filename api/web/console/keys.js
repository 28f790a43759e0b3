/** The keys, for whoever asks by one of them. */

import { openDialog } from "./dialog.js";
import { composes, el } from "./dom.js";

/** @type {[string[], string][]} */
const KEYS = [
  [["Enter"], "Send what is written"],
  [["Shift", "Enter"], "A new line"],
  [["@"], "Name a member: ↑ ↓ and Enter choose"],
  [["↑"], "In an empty box: change your last message"],
  [["↑", "↓"], "In the conversation: from message to message"],
  [["End"], "In the conversation: to the newest message"],
  [["Tab"], "On a message: react, reply, change or delete it"],
  [["Escape"], "Close, or back to writing"],
  [["?"], "These keys"],
];

/** Where letters are text. */
const FIELDS = "input, textarea, select, [contenteditable]";

/** Show them, if that is what was asked for. @param {KeyboardEvent} event */
export function openKeys(event) {
  const target = event.target instanceof Element ? event.target : document.body;
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !composes(event);
  if (event.key !== "?" || !isPlain || target.closest(`${FIELDS}, dialog`)) return;
  event.preventDefault();
  const rows = KEYS.map(([keys, does]) =>
    el("tr", {}, el("th", { scope: "row" }, keys.map(keyOf)), el("td", {}, does)),
  );
  openDialog("Keys", [el("table", { class: "keys" }, el("tbody", {}, rows))]);
}

/** @param {string} key */
const keyOf = (key) => el("kbd", {}, key);
