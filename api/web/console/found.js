/** Where words stand: in what a message says, and in the elements that show it. */

import { shown } from "./format.js";
import { wordsIn } from "./markdown.js";

/** @typedef {import("./timeline.js").Entity} Entity */

/** @type {WeakMap<Entity, {body: unknown, words: string}>} */
const known = new WeakMap();

/** Letters of either case are the same; a place in the one text is the same in the other. @param {string} text */
export function fold(text) {
  const folded = text.toLowerCase();
  return folded.length === text.length ? folded : text;
}

/** What a message says, without the marks of Markdown. @param {Entity} record */
export function wordsOf(record) {
  if (record.kind !== "message" || record.deleted) return "";
  const before = known.get(record);
  if (before && before.body === record.body) return before.words;
  const { text, isCode } = shown(record.body);
  const words = isCode ? text : wordsIn(text);
  known.set(record, { body: record.body, words });
  return words;
}

/**
 * Where a message's row has what is wanted.
 *
 * @param {Element} row
 * @param {string} wanted Folded.
 */
export function placesOf(row, wanted) {
  const nodes = textsOf(row);
  const whole = fold(nodes.map(({ data }) => data).join(""));
  /** @type {Range[]} */
  const places = [];
  let node = 0;
  let before = 0; // Letters in front of that node.
  const seek = (/** @type {number} */ at) => {
    while (at > before + nodes[node].length) before += nodes[node++].length;
    return at - before;
  };
  for (let at = whole.indexOf(wanted); at >= 0; at = whole.indexOf(wanted, at + wanted.length)) {
    const range = new Range();
    const start = seek(at);
    range.setStart(nodes[node], start);
    const end = seek(at + wanted.length);
    range.setEnd(nodes[node], end);
    places.push(range);
  }
  return places;
}

/** @param {Element} row */
function textsOf(row) {
  /** @type {Text[]} */
  const texts = [];
  const said = row.querySelector(".text");
  const walker = said && document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
  while (walker?.nextNode()) {
    const text = /** @type {Text} */ (walker.currentNode);
    if (!text.parentElement?.closest(".code-bar")) texts.push(text);
  }
  return texts;
}
