// Entries on their way to whoever reads them.
/** @import { Cursor } from "./core/cursor.js" */
/** @import { Entry, Gap } from "./core/entries.js" */
/** @import { Append, Open } from "./core/frames.js" */
/** @import { Refused } from "./core/errors.js" */

/** @typedef {{entry: Entry} | {gap: Gap} | {text: Append | Open}} Step */

/** Entries on their way to the application, which may be slower than the server. */
export class Delivery {
  /** What the application has been given: the place to begin at another time. */
  seq;
  /** @type {string | null} */
  epoch;
  /** Whether `seq` is a place, and not what is shown before there is one. */
  #isPlaced;
  /** @type {Step[]} */
  #queue = [];
  #first = 0;
  #entries = 0;
  /** @type {{resolve: (result: IteratorResult<Entry, undefined>) => void,
   *   reject: (reason: Refused) => void}[]} */
  #readers = [];
  /** @type {{reason: Refused | null} | null} */
  #end = null;
  #isIterated = false;
  #isHeard = false;
  #onGap;
  #onText;
  #onTaken;

  /**
   * @param {Cursor} cursor Where the application begins.
   * @param {(gap: Gap) => void} onGap Called when the application gets to it.
   * @param {(frame: Append | Open) => void} onText The same, of text.
   * @param {() => void} onTaken Called when an entry has left the queue.
   */
  constructor({ after, epoch }, onGap, onText, onTaken) {
    this.seq = after ?? 0;
    this.epoch = epoch;
    this.#isPlaced = after !== null;
    this.#onGap = onGap;
    this.#onText = onText;
    this.#onTaken = onTaken;
  }

  /** Entries that wait. */
  get size() {
    return this.#entries;
  }

  /** Somebody listens to the `entry` event: unless somebody iterates as well, nothing waits. */
  heard() {
    this.#isHeard = true;
    if (!this.#isIterated) this.#flush();
  }

  /** Somebody iterates: from now on what comes waits for them. */
  iterated() {
    this.#isIterated = true;
  }

  /**
   * The log goes on, or begins, after this place.
   *
   * @param {{after: number, epoch: string}} place
   */
  begin({ after, epoch }) {
    if (!this.#isPlaced) this.seq = after;
    this.#isPlaced = true;
    this.epoch ??= epoch;
  }

  /** @param {Entry} entry */
  push(entry) {
    this.#queue.push({ entry });
    this.#entries += 1;
    this.#move();
  }

  /** @param {Gap} gap */
  gap(gap) {
    if (this.#end) return;
    this.#queue.push({ gap });
    this.#move();
  }

  /** Text comes in its place between entries; what waits for it is joined. @param {Append | Open} frame */
  text(frame) {
    if (this.#end) return;
    const last = this.#queue.at(-1);
    const before = last && "text" in last && this.#first < this.#queue.length ? last.text : null;
    if (frame.type === "append" && before?.type === "append" && goOn(before, frame)) {
      this.#queue[this.#queue.length - 1] = { text: { ...before, text: before.text + frame.text } };
    } else this.#queue.push({ text: frame });
    this.#move();
  }

  /** @returns {Promise<IteratorResult<Entry, undefined>>} */
  next() {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#move();
    });
  }

  /**
   * @param {Refused | null} reason What readers get when they have read what is here; null: they
   *   are done at once.
   */
  end(reason) {
    this.#end ??= { reason };
    if (reason === null) {
      this.#queue = [];
      this.#first = this.#entries = 0;
    }
    this.#move();
  }

  #move() {
    if (this.#isHeard && !this.#isIterated) return this.#flush();
    while (this.#first < this.#queue.length && this.#readers.length) this.#step();
    if (this.#end && this.#first === this.#queue.length) this.#dismiss(this.#end.reason);
  }

  #flush() {
    while (this.#first < this.#queue.length) this.#step();
  }

  /** Give the next entry, or tell the next gap. Callbacks come last: they may lead back here. */
  #step() {
    const step = this.#shift();
    if ("gap" in step) {
      this.seq = step.gap.after;
      this.epoch = step.gap.epoch;
      this.#onGap(step.gap);
    } else if ("text" in step) this.#onText(step.text);
    else {
      this.seq = step.entry.seq;
      this.#entries -= 1;
      this.#readers.shift()?.resolve({ value: step.entry, done: false });
      this.#onTaken();
    }
  }

  #shift() {
    const step = /** @type {Step} */ (this.#queue[this.#first]);
    this.#first += 1;
    // Array.prototype.shift moves all that remains, which is too much for each of ten thousand.
    if (this.#first * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return step;
  }

  /** @param {Refused | null} reason */
  #dismiss(reason) {
    for (const reader of this.#readers.splice(0)) {
      if (reason) reader.reject(reason);
      else reader.resolve({ value: undefined, done: true });
    }
  }
}

/**
 * Whether an addition is to the same text as another; it came next.
 *
 * @param {Append} before
 * @param {Append} after
 */
function goOn(before, after) {
  return before.target === after.target && before.part === after.part;
}
