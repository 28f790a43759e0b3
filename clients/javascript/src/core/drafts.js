// Messages in the making: how their texts grow, and which there are.
import { lost, Refused } from "./errors.js";
/** @import { Entry } from "./entries.js" */
/** @import { Append, Open } from "./frames.js" */

/** Messages that have ended whose texts are still there for whoever reads them slowly. */
const MAX_ENDED = 100;

/**
 * The text of a body that grows: its own, or that of one of its `parts`.
 *
 * @param {any} body
 * @param {number | null} part Null: its own.
 * @returns {string | undefined}
 */
export function growingText(body, part) {
  if (part === null && typeof body === "string") return body;
  const text = (part === null ? body : body?.parts?.[part])?.text;
  return typeof text === "string" ? text : undefined;
}

/**
 * A body with more text behind what it has; another object.
 *
 * @param {any} body
 * @param {string} text
 * @param {number | null} part
 */
export function grown(body, text, part) {
  if (typeof body === "string") return body + text;
  if (part === null) return { ...body, text: body.text + text };
  const parts = [...body.parts];
  parts[part] = { ...parts[part], text: parts[part].text + text };
  return { ...body, parts };
}

/**
 * How long a text is in Unicode code points, in which the server counts.
 *
 * @param {string} text
 */
export function pointsIn(text) {
  let points = 0;
  for (const _ of text) points += 1;
  return points;
}

/** A message in the making, and for a while afterwards. */
export class Draft {
  /** @type {{reason: Refused | null} | null} Why it grows no more: null, when it is complete. */
  end = null;
  /** Somebody wants it to stop. */
  isStopped = false;
  /** What it became does not begin with what it was. */
  isRewritten = false;
  /** @type {Map<number | null, number>} In code points, by part; what was counted already. */
  #lengths = new Map();
  /** @type {{promise: Promise<void>, resolve: () => void} | null} Made when somebody waits. */
  #change = null;

  /** @param {any} body */
  constructor(body) {
    this.body = body;
  }

  /** The next change. @returns {Promise<void>} */
  get change() {
    this.#change ??= deferred();
    return this.#change.promise;
  }

  /** @param {any} body As it stands now. */
  replace(body) {
    const before = growingText(this.body, null) ?? "";
    this.isRewritten ||= !(growingText(body, null) ?? "").startsWith(before);
    this.body = body;
    this.#lengths.clear();
    this.#moved();
  }

  /** More text. Throws, when it does not go where the text ends. @param {Append} addition */
  add({ at, text, ...more }) {
    const part = more.part ?? null;
    const before = growingText(this.body, part);
    const length = before === undefined ? -1 : (this.#lengths.get(part) ?? pointsIn(before));
    if (at !== length) throw lost("hole", `At ${length} of a text came what goes to ${at}.`);
    this.body = grown(this.body, text, part);
    this.#lengths.set(part, length + pointsIn(text));
    this.#moved();
  }

  /** @param {Refused | null} reason */
  close(reason) {
    this.end ??= { reason };
    this.#moved();
  }

  #moved() {
    this.#change?.resolve();
    this.#change = null;
  }
}

/** Those of a room, and the newest that were. */
export class Drafts {
  /** @type {Map<number, Draft>} By seq. */
  #drafts = new Map();
  /** @type {number[]} Seqs of those that have ended, the oldest first. */
  #ended = [];
  /** @type {Set<number>} On this connection nothing has come of them yet. */
  #unsure = new Set();
  /** @type {number | null} Up to here all are known; null: not before `live`. */
  #upTo = null;
  /** @type {{reason: Refused | null} | null} */
  #over = null;
  #news = deferred();

  /** @param {number} seq */
  get(seq) {
    return this.#drafts.get(seq);
  }

  /**
   * One of them, as soon as it is known; undefined: it is not in the making.
   *
   * @param {number} seq
   * @returns {Promise<Draft | undefined>} Rejects, when the room is refused.
   */
  async find(seq) {
    while (!this.#drafts.has(seq) && (this.#upTo ?? 0) < seq) {
      if (this.#over?.reason) throw this.#over.reason;
      if (this.#over) return undefined;
      await this.#news.promise;
    }
    return this.#drafts.get(seq);
  }

  /** A connection begins: those that are still in the making are told of before `live`. */
  welcomed() {
    this.#upTo = null;
    for (const [seq, { end }] of this.#drafts) if (!end) this.#unsure.add(seq);
  }

  /** @param {number} seq @param {{isDeaf: boolean}} cursor Deaf, it is not told how they end. */
  live(seq, { isDeaf }) {
    const gone = isDeaf ? [] : [...this.#unsure];
    for (const one of gone) this.#close(one, new Refused("gap", "It is not known what became of it."));
    this.#unsure.clear();
    this.#upTo = seq;
    this.#moved();
  }

  /** @param {Entry | Open | Append} frame */
  take(frame) {
    if (frame.type === "append") return this.#add(frame);
    if (frame.type === "open" || (frame.type === "message" && frame.open)) this.#open(frame);
    else if (frame.type === "message") this.#complete(frame.seq, frame.body);
    else if (frame.type === "finish") this.#complete(frame.target, frame.body);
    else if (frame.type === "delete") this.#complete(frame.target, undefined);
    else if (frame.type === "stop") this.#stop(frame.target);
    if (this.#upTo !== null) this.#upTo = Math.max(this.#upTo, frame.seq);
    this.#moved();
  }

  /** There is no room any more. @param {Refused | null} reason */
  end(reason) {
    this.#over ??= { reason };
    for (const draft of this.#drafts.values()) draft.close(reason);
    this.#moved();
  }

  /** @param {Append} frame */
  #add(frame) {
    const draft = this.#drafts.get(frame.target);
    if (!draft || draft.end) throw lost("hole", `There is no text for more of ${frame.target}.`);
    draft.add(frame);
  }

  /** @param {{seq: number, body?: any}} frame */
  #open({ seq, body }) {
    this.#unsure.delete(seq);
    const known = this.#drafts.get(seq);
    if (known && !known.end) known.replace(body);
    else this.#drafts.set(seq, new Draft(body));
  }

  /** @param {number} seq @param {any} body Undefined: all of it is here already. */
  #complete(seq, body) {
    const draft = this.#drafts.get(seq);
    if (!draft || draft.end) return;
    if (body !== undefined) draft.replace(body);
    this.#close(seq, null);
  }

  /** @param {number} seq @param {Refused | null} reason */
  #close(seq, reason) {
    this.#unsure.delete(seq);
    this.#drafts.get(seq)?.close(reason);
    this.#ended.push(seq);
    if (this.#ended.length > MAX_ENDED) this.#drafts.delete(/** @type {number} */ (this.#ended.shift()));
  }

  /** @param {number} seq */
  #stop(seq) {
    const draft = this.#drafts.get(seq);
    if (draft) draft.isStopped = true;
  }

  #moved() {
    this.#news.resolve();
    this.#news = deferred();
  }
}

/** @returns {{promise: Promise<void>, resolve: () => void}} */
function deferred() {
  /** @type {any} */
  const one = {};
  one.promise = new Promise((resolve) => Object.assign(one, { resolve }));
  return one;
}
