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
  [["/"], "Search in the messages that are loaded"],
  [["Escape"], "Close, or back to writing"],
  [["?"], "These keys"],
];

/** Where letters are text. */
const FIELDS = "input, textarea, select, [contenteditable]";

/**
 * Whether a key of ours was pressed, where it is no letter of a text.
 *
 * @param {KeyboardEvent} event
 * @param {string} key
 */
function isAsked(event, key) {
  const target = event.target instanceof Element ? event.target : document.body;
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !composes(event);
  return event.key === key && isPlain && !target.closest(`${FIELDS}, dialog`);
}

/**
 * Do what a key asks for that is one everywhere.
 *
 * @param {KeyboardEvent} event
 * @param {() => void} onFind
 */
export function listenToKeys(event, onFind) {
  const act = isAsked(event, "?") ? openKeys : isAsked(event, "/") ? onFind : null;
  if (!act) return;
  event.preventDefault();
  act();
}

/** Show them. */
function openKeys() {
  const rows = KEYS.map(([keys, does]) =>
    el("tr", {}, el("th", { scope: "row" }, keys.map(keyOf)), el("td", {}, does)),
  );
  openDialog("Keys", [el("table", { class: "keys" }, el("tbody", {}, rows))]);
}

/** @param {string} key */
const keyOf = (key) => el("kbd", {}, key);
