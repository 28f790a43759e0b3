/** The rows of a conversation as elements. Text is text: nothing here can make markup of it. */

import { button, el } from "./dom.js";
import { clock, dayName, fullTime, listed, shown, textOf } from "./format.js";
import { avatar } from "./people.js";
import { showProse } from "./prose.js";
import { answered, quote } from "./reply.js";
import { formOf } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./timeline.js").Entity} Entity */
/** @typedef {import("./timeline.js").Entry} Entry */
/** @typedef {import("./people.js").People} People */
/**
 * @typedef {{me: {id: string, name: string}, people: People, canWrite: () => boolean,
 *   onReact: (record: Entity, value: string, on: boolean) => void,
 *   onStop: (record: Entity) => void, onRetry: (ref: string) => void, onDiscard: (ref: string) => void,
 *   onTakeBack: (ref: string) => void, onLoadOlder: () => void,
 *   find: (seq: number) => Entity | undefined, onJump: (seq: number) => void}} Context
 */

const LINE = 21;
const HEIGHTS = { edge: 72, day: 52, new: 36, note: 32 };

/** A guess that spares the first measuring a jump. @param {Row} row */
export function estimate(row) {
  if (row.kind !== "message" && row.kind !== "pending") return HEIGHTS[row.kind];
  const text = shown(row.kind === "message" ? row.record.body : row.pending.body).text;
  const lines = text.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 90), 0);
  const chips = row.kind === "message" && row.record.reactions.size > 0 ? 34 : 0;
  const body = row.kind === "message" ? row.record.body : row.pending.body;
  const above = answered(body) === null ? 0 : 26;
  return lines * LINE + (row.isFirst ? 36 : 6) + chips + above;
}

/** @param {Row} row @param {Context} context @returns {HTMLElement} */
export function renderRow(row, context) {
  switch (row.kind) {
    case "edge":
      return edgeRow(row.state, context);
    case "day":
      return el("li", { class: "row row-day" }, el("span", {}, dayName(row.at)));
    case "new":
      return el("li", { class: "row row-new" }, el("span", {}, "New since you left"));
    case "note":
      return noteRow(row.record);
    case "message":
      return messageRow(row.record, row.isFirst, context);
    default:
      return pendingRow(row, context);
  }
}

/** @param {import("./rows.js").EdgeState} state @param {Context} context */
function edgeRow(state, context) {
  if (state === "start") {
    return el("li", { class: "row row-edge" }, "This is the beginning of the conversation.");
  }
  if (state === "failed") {
    const again = button("Try again", context.onLoadOlder, { class: "button small" });
    return el("li", { class: "row row-edge" }, "Older messages could not be loaded. ", again);
  }
  return el("li", { class: "row row-edge" }, state === "loading" ? "Loading older messages…" : "");
}

/** @param {Entity} record */
function noteRow(record) {
  const at = el("time", { datetime: record.at, title: fullTime(record.at) }, clock(record.at));
  const line = el("span", {}, bdi(record.by.name), ...noteText(record.entry), " · ", at);
  return el("li", { class: "row row-note", "data-seq": record.seq, tabindex: -1 }, line);
}

/** @param {string} name */
const bdi = (name) => el("bdi", {}, name);

/** @type {Record<string, string>} */
const MAY = { reader: "read", writer: "read and write", admin: "do everything" };

/** @param {Entry} entry @returns {(Node | string)[]} */
function noteText(entry) {
  if (entry.type === "member") return memberText(entry);
  if (entry.type !== "item") return [` did something new (${entry.type})`];
  /** @type {(Node | string)[]} */
  const parts = [];
  if (entry.title !== undefined) parts.push(...titleText(entry.title));
  if (entry.default_role !== undefined) {
    parts.push(parts.length > 0 ? " and " : " ", openness(entry.default_role));
  }
  return parts;
}

/** @param {string} title */
const titleText = (title) =>
  title ? [" renamed the item to “", bdi(title), "”"] : [" removed the item's title"];

/** @param {string | null} role */
const openness = (role) =>
  role === null
    ? "closed the item to all but members"
    : `let everyone who is signed in ${MAY[role] ?? role}`;

/** @param {Entry} entry */
function memberText(entry) {
  const user = entry.user ?? { id: "", name: "somebody" };
  const isSelf = user.id === entry.by.id;
  if (entry.role === null || entry.role === undefined) {
    return isSelf ? [" left"] : [" removed ", bdi(user.name)];
  }
  const role = entry.role === "admin" ? "an admin" : `a ${entry.role}`;
  return [" made ", isSelf ? "themselves" : bdi(user.name), ` ${role}`];
}

/** @param {Entity} record @param {boolean} isFirst @param {Context} context */
function messageRow(record, isFirst, context) {
  const isMine = record.by.id === context.me.id;
  const attributes = {
    class: `row row-message${isFirst ? " first" : ""}${isMine ? " mine" : ""}`,
    "data-seq": record.seq,
    "data-form": formOf(record, isFirst),
    tabindex: -1,
  };
  return el(
    "li",
    attributes,
    isFirst ? avatar(record.by) : null,
    byline(record.by.name, record.at, isFirst),
    record.deleted ? null : quoted(record.body, context),
    record.deleted
      ? el("p", { class: "gone" }, "Message deleted")
      : bodyOf(record.body, markOf(record, context)),
    record.deleted || !failureOf(record) ? null : el("div", { class: "failed" }, failureOf(record)),
    record.reactions.size > 0 ? chips(record, context) : null,
  );
}

/**
 * Who and when; in the rows that follow, the name is for screen readers alone.
 *
 * @param {string} name
 * @param {string} at
 * @param {boolean} isFirst
 */
function byline(name, at, isFirst) {
  const time = el("time", { datetime: at, title: fullTime(at) }, clock(at));
  const author = el("bdi", { class: isFirst ? "author" : "author unseen" }, name);
  return el("div", { class: isFirst ? "byline" : "byline later" }, author, " ", time);
}

/**
 * Have a row show more text, if nothing else is new.
 *
 * @param {Row} row
 * @param {HTMLElement} element
 */
export function growRow(row, element) {
  if (row.kind !== "message" || !row.record.open) return false;
  if (element.dataset.form !== formOf(row.record, row.isFirst)) return false;
  const { text, isCode } = shown(row.record.body);
  const said = element.querySelector(".text");
  if (isCode) said?.replaceChildren(text);
  else if (said) showProse(said, text);
  return true;
}

/** @type {Record<string, string>} How a text that grew ended, where that is not as it should be. */
const ENDS = { stopped: "stopped", interrupted: "interrupted", failed: "failed" };

/** What is to be said about a message, behind it. @param {Entity} record @param {Context} context */
function markOf(record, context) {
  if (record.open) return writingMark(record, context);
  const words = [ENDS[record.end?.state ?? ""], record.edited > 0 ? "edited" : undefined];
  const said = words.filter((word) => word !== undefined).join(" · ");
  return said ? el("small", { class: "edited" }, said) : null;
}

/** @param {Entity} record @param {Context} context */
function writingMark(record, context) {
  const look = { class: "button small", title: `Stop ${record.by.name}` };
  const stop = button("Stop", () => context.onStop(record), look);
  const words = el("small", { class: "sending" }, record.isStopping ? "stopping…" : "writing…");
  const caret = el("span", { class: "caret", "aria-hidden": "true" });
  const mayStop = context.canWrite() && !record.isStopping;
  return el("span", { class: "writing" }, caret, words, mayStop ? [" ", stop] : null);
}

/** What an author says of a failure. @param {Entity} record */
function failureOf({ end }) {
  const error = /** @type {{message?: unknown} | undefined} */ (end?.error);
  return typeof error?.message === "string" ? error.message : "";
}

/** @param {unknown} body @param {HTMLElement | null} mark What is to be said about it. */
function bodyOf(body, mark) {
  const { text, isCode } = shown(body);
  if (isCode) return el("div", {}, el("pre", { class: "text code", dir: "ltr" }, text), mark);
  const said = el("div", { class: "text" });
  showProse(said, text);
  return el("div", { class: "body", dir: "auto" }, said, mark && " ", mark);
}

/** @param {Entity} record @param {Context} context */
function chips(record, context) {
  const attributes = { class: "chips", role: "group", "aria-label": "Reactions" };
  const one = (/** @type {[string, string[]]} */ [value, users]) =>
    chip(record, value, users, context);
  return el("div", attributes, [...record.reactions].map(one));
}

/**
 * @param {Entity} record
 * @param {string} value
 * @param {string[]} users
 * @param {Context} context
 */
function chip(record, value, users, { me, people, canWrite, onReact }) {
  const isOn = users.includes(me.id);
  const names = users.map((id) => (id === me.id ? "you" : people.name(id)));
  const attributes = {
    type: "button",
    class: "chip",
    "data-value": value,
    "aria-pressed": String(isOn),
    "aria-label": `${value}, ${users.length}: ${names.join(", ")}`,
    title: listed(names, 8),
    disabled: !canWrite(),
    tabindex: -1, // Tab reaches it in the row that has the focus: see actions.js.
    onclick: () => onReact(record, value, !isOn),
  };
  return el("button", attributes, el("bdi", {}, value), el("span", {}, ` ${users.length}`));
}

/** @param {unknown} body @param {Context} context */
function quoted(body, context) {
  const seq = answered(body);
  return seq === null ? null : quote(context.find(seq), () => context.onJump(seq));
}

/** @param {Extract<Row, {kind: "pending"}>} row @param {Context} context */
function pendingRow({ pending, isFirst }, context) {
  const { ref, state } = pending;
  const attributes = {
    class: `row row-message row-pending mine${isFirst ? " first" : ""}`,
    "data-state": state,
    "data-ref": ref,
    tabindex: -1,
  };
  // Beside the text, so that the row keeps its height when it is stored.
  const mark = state === "pending" ? el("small", { class: "sending" }, "sending…") : null;
  return el(
    "li",
    attributes,
    isFirst ? avatar(context.me) : null,
    byline(context.me.name, pending.at, isFirst),
    quoted(pending.body, context),
    bodyOf(pending.body, mark),
    state === "failed" ? failed(pending, context) : null,
  );
}

/** Refusals that the same message would meet again. */
const FINAL = new Set(["too_big", "bad_message"]);

/** @param {import("./timeline.js").Pending} pending @param {Context} context */
function failed({ ref, body, reason, code }, context) {
  const look = { class: "button small" };
  const actions = [
    FINAL.has(code) ? null : button("Retry", () => context.onRetry(ref), look),
    textOf(body) === null ? null : button("Edit", () => context.onTakeBack(ref), look),
    button("Discard", () => context.onDiscard(ref), look),
  ];
  return el("div", { class: "failed" }, el("span", {}, `Not sent. ${reason}`), actions);
}
