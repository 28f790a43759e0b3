/** From a timeline to the rows of the list: days, groups, the line of what is new. Pure. */

import { dayKey } from "./format.js";

/** @typedef {import("./timeline.js").Entity} Entity */
/** @typedef {import("./timeline.js").Pending} Pending */
/** @typedef {import("./timeline.js").Timeline} Timeline */
/**
 * A row is drawn again when its `sign` differs; `key` is its identity across changes.
 *
 * @typedef {{key: string, sign: string} & (
 *   {kind: "edge", state: EdgeState} | {kind: "day", at: string} | {kind: "new"} |
 *   {kind: "message", record: Entity, isFirst: boolean} | {kind: "note", record: Entity} |
 *   {kind: "pending", pending: Pending, isFirst: boolean}
 * )} Row
 */
/** @typedef {"start" | "more" | "loading" | "failed"} EdgeState */

// Where a long run of one author says again who and when: at these marks and not after so much, so
// that rows keep their form when older ones come before them.
const MARK_MS = 5 * 60_000;
const MARK_SEQS = 20; // About a screen of short messages.

/**
 * @param {Timeline} timeline
 * @param {{me: string, newAfter: number | null, edge: EdgeState}} view `newAfter`: the newest seq
 *   that was read when the reader left; null draws no line.
 * @returns {Row[]}
 */
export function rowsOf(timeline, { me, newAfter, edge }) {
  const shown = timeline.isAtStart ? "start" : edge;
  /** @type {Row[]} */
  const rows = [{ key: "edge", kind: "edge", state: shown, sign: shown }];
  /** @type {Last | null} */
  let last = null;
  let day = "";
  // Where the line stands is known when what was read last is.
  let isNewShown = newAfter === null || timeline.from > newAfter + 1;
  for (const record of timeline.records) {
    const today = dayKey(record.at);
    if (today !== day) {
      rows.push({ key: `day-${today}`, kind: "day", at: record.at, sign: today });
      last = null;
    }
    day = today;
    if (!isNewShown && isNews(record, newAfter ?? 0, me)) {
      rows.push({ key: "new", kind: "new", sign: "" });
      isNewShown = true;
      last = null;
    }
    const current = { by: record.by.id, at: record.at, seq: record.seq };
    rows.push(rowOf(record, !follows(last, current)));
    last = record.kind === "message" ? current : null;
  }
  if (timeline.attached) rows.push(...waiting(timeline.pending, me, last));
  return rows;
}

/** @param {Entity} record @param {number} newAfter @param {string} me */
const isNews = (record, newAfter, me) =>
  record.kind === "message" && record.seq > newAfter && record.by.id !== me;

/** @typedef {{by: string, at: string, seq: number}} Last The message above. */

/** @param {Last | null} last @param {Last} current */
const follows = (last, current) =>
  last !== null && last.by === current.by
  && mark(Date.parse(last.at), MARK_MS) === mark(Date.parse(current.at), MARK_MS)
  && mark(last.seq, MARK_SEQS) === mark(current.seq, MARK_SEQS);

/** @param {number} value @param {number} step */
const mark = (value, step) => Math.floor(value / step);

/** What a message looks like but for text that grows. @param {Entity} record @param {boolean} isFirst */
export const formOf = (record, isFirst) => `${record.version}.${isFirst}`;

/** @param {Entity} record @param {boolean} isFirst @returns {Row} */
function rowOf(record, isFirst) {
  const key = String(record.seq);
  const sign = `${formOf(record, isFirst)}.${record.grown}`;
  return record.kind === "message"
    ? { key, kind: "message", record, isFirst, sign }
    : { key, kind: "note", record, sign };
}

/**
 * @param {Pending[]} pending
 * @param {string} me
 * @param {Last | null} last
 * @returns {Row[]}
 */
function waiting(pending, me, last) {
  return pending.map((message, index) => {
    // What seq it will have is not known: as far as anybody can say, it follows.
    const isFirst = index === 0 && !follows(last, { by: me, at: message.at, seq: last?.seq ?? 0 });
    const sign = `${message.version}.${isFirst}`;
    return { key: `ref-${message.ref}`, kind: "pending", pending: message, isFirst, sign };
  });
}
