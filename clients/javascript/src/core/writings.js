// Texts of messages in the making that are written here, until they are on the server's disk.
import { growingText, pointsIn } from "./drafts.js";
import { Refused } from "./errors.js";
import { refusal } from "./verdicts.js";
/** @import { Draft } from "./drafts.js" */
/** @import { Appended, ErrorFrame } from "./frames.js" */

/** Refusals that say "not now". */
const NOT_NOW = new Set(["rate_limited", "busy", "draining"]);
/** Milliseconds, where such a refusal does not say when. */
const NOT_NOW_WAIT = 1_000;
/** UTF-16 units of one addition; written as JSON none takes more than six bytes. */
const MAX_UNITS = 8_192;

/** One text that grows: all of it, and how much of it is stored. */
class Growing {
  /** The first half of a character whose second has not come. */
  #half = "";

  /** @param {string} text What is stored already. */
  constructor(text) {
    this.text = text;
    this.units = text.length;
    this.points = pointsIn(text);
  }

  get isStored() {
    return this.units === this.text.length;
  }

  /** @param {string} text */
  add(text) {
    if (text.includes("\0")) throw new Refused("bad_message", "Text must not contain U+0000.");
    const whole = this.#half + text;
    this.#half = /[\uD800-\uDBFF]$/.exec(whole)?.[0] ?? "";
    const given = this.#half ? whole.slice(0, -1) : whole;
    // As a TextEncoderStream has it: half a character that stays alone is no character.
    this.text += given.replace(/\p{Surrogate}/gu, "\uFFFD");
  }

  /** Nothing comes behind it. */
  close() {
    if (this.#half) this.text += "\uFFFD";
    this.#half = "";
  }

  /** What comes next, at most so long. @param {number} units */
  next(units) {
    const text = this.text.slice(this.units, this.units + units);
    const isCut = this.units + units < this.text.length && /[\uD800-\uDBFF]$/.test(text);
    return isCut ? text.slice(0, -1) : text;
  }

  /** So much is stored; whether there is so much. @param {number} points */
  reach(points) {
    const isBehind = points >= this.points;
    let units = isBehind ? this.units : 0;
    for (let left = points - (isBehind ? this.points : 0); left > 0; left--) {
      if (units >= this.text.length) return false;
      units += /** @type {number} */ (this.text.codePointAt(units)) > 0xffff ? 2 : 1;
    }
    this.units = units;
    this.points = points;
    return true;
  }
}

/** One message in the making. */
export class Writing {
  stopping = new AbortController();
  /** @type {Refused | null} Why nothing can be added any more. */
  error = null;
  /** @type {Promise<number> | null} Since it was asked for. */
  finished = null;
  #seq;
  #body;
  /** @type {Map<number | null, Growing>} By part. */
  #texts = new Map();
  /** @type {{growing: Growing} | null} What has no answer yet; one at a time, so that the rest is joined. */
  #out = null;
  #resumesAt = -Infinity;
  /** What is not stored yet is of no use any more. */
  #isReplaced = false;
  /** @type {{resolve: () => void, reject: (reason: Refused) => void} | null} */
  #waiting = null;

  /** @param {number} seq @param {Draft} draft */
  constructor(seq, { body, isStopped }) {
    this.#seq = seq;
    this.#body = body;
    if (isStopped) this.stop();
  }

  get isAwaiting() {
    return this.#out !== null;
  }

  /** All of a text, with what is not stored yet. @param {number | null} part */
  text(part) {
    return this.#growing(part).text;
  }

  /** @param {string} text @param {number | null} part */
  add(text, part) {
    if (this.error) throw this.error;
    if (this.finished) throw new Refused("stream_closed", "It is finished.");
    this.#growing(part).add(text);
  }

  /**
   * Nothing comes behind it.
   *
   * @param {{isReplaced: boolean}} options Something else takes the place of all of it.
   * @returns {Promise<void>} When all of it is stored.
   */
  close({ isReplaced }) {
    for (const growing of this.#texts.values()) growing.close();
    this.#isReplaced = isReplaced;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#settle();
    });
  }

  /** Somebody wants it to stop. */
  stop() {
    this.stopping.abort(new Refused("stopped", "Somebody wants it to stop."));
  }

  /** Nothing can be added any more. @param {Refused} reason */
  fail(reason) {
    this.error ??= reason;
    this.#out = null;
    this.stopping.abort(this.error);
    this.#settle();
  }

  /** The connection is no more: what has no answer may be stored, or not. */
  dropped() {
    this.#out = null;
    this.#resumesAt = -Infinity;
  }

  /**
   * @param {number} now
   * @param {number} maxUnits
   * @returns {{text: string | null, wait: number}} The frame to send now, and how long until more.
   */
  due(now, maxUnits) {
    if (this.#out || this.error || this.#isReplaced) return { text: null, wait: Infinity };
    const [part, growing] = [...this.#texts].find(([, one]) => !one.isStored) ?? [];
    if (part === undefined || !growing) return { text: null, wait: Infinity };
    if (now < this.#resumesAt) return { text: null, wait: this.#resumesAt - now };
    this.#out = { growing };
    const more = { target: this.#seq, at: growing.points, text: growing.next(maxUnits) };
    return { text: JSON.stringify({ type: "append", ...more, part: part ?? undefined }), wait: Infinity };
  }

  /** So long is the text now. @param {number} length */
  reach(length) {
    const isHere = this.#out?.growing.reach(length) ?? true;
    this.#out = null;
    if (isHere || this.#isReplaced) this.#settle();
    else this.#lose();
  }

  /**
   * What was sent does not fit: a server that was set back lacks some, or it is another's text.
   *
   * @param {number} length
   */
  misplaced(length) {
    if (length < (this.#out?.growing.points ?? 0)) this.reach(length);
    else if (this.#out) this.#lose();
  }

  #lose() {
    this.fail(new Refused("bad_offset", "Somebody else has written this text."));
  }

  /** Not now. @param {Refused} refused @param {number} now */
  pause({ retryAfter }, now) {
    this.#out = null;
    this.#resumesAt = now + (retryAfter === null ? NOT_NOW_WAIT : retryAfter * 1000);
  }

  #settle() {
    const isStored = [...this.#texts.values()].every((one) => one.isStored);
    if (this.error) this.#waiting?.reject(this.error);
    else if (isStored || (this.#isReplaced && !this.#out)) this.#waiting?.resolve();
  }

  /** @param {number | null} part */
  #growing(part) {
    const known = this.#texts.get(part);
    if (known) return known;
    const text = growingText(this.#body, part);
    if (text === undefined) throw new Refused("bad_message", "There is no such text in its body.");
    const growing = new Growing(text);
    this.#texts.set(part, growing);
    return growing;
  }
}

/** All that are written here. */
export class Writings {
  /** @type {Map<number, Writing>} By seq. */
  #writings = new Map();

  get isEmpty() {
    return this.#writings.size === 0;
  }

  get isAwaiting() {
    return [...this.#writings.values()].some((one) => one.isAwaiting);
  }

  /** @param {number} seq @param {Draft} draft */
  begin(seq, draft) {
    const writing = this.#writings.get(seq) ?? new Writing(seq, draft);
    this.#writings.set(seq, writing);
    return writing;
  }

  /** @param {number} seq @param {Refused} reason */
  end(seq, reason) {
    this.#writings.get(seq)?.fail(reason);
    this.#writings.delete(seq);
  }

  /** @param {Refused} reason */
  endAll(reason) {
    for (const seq of [...this.#writings.keys()]) this.end(seq, reason);
  }

  dropped() {
    for (const writing of this.#writings.values()) writing.dropped();
  }

  /** @param {number} seq */
  stop(seq) {
    this.#writings.get(seq)?.stop();
  }

  /** @param {number} now @param {number} maxBytes Of a frame. */
  due(now, maxBytes) {
    const maxUnits = Math.max(2, Math.min(MAX_UNITS, Math.floor((maxBytes - 200) / 6)));
    const due = [...this.#writings.values()].map((one) => one.due(now, maxUnits));
    const texts = due.flatMap(({ text }) => text ?? []);
    return { texts, wait: Math.min(Infinity, ...due.map(({ wait }) => wait)) };
  }

  /** @param {Appended} frame */
  appended({ target, length, stopped }) {
    this.#writings.get(target)?.reach(length);
    if (stopped) this.stop(target);
  }

  /** An addition was refused. @param {ErrorFrame & {target: number}} frame @param {number} now */
  refused(frame, now) {
    const refused = refusal(frame);
    const writing = this.#writings.get(frame.target);
    if (refused.code === "bad_offset") writing?.misplaced(frame.length ?? 0);
    else if (NOT_NOW.has(refused.code)) writing?.pause(refused, now);
    else this.end(frame.target, refused);
  }
}
