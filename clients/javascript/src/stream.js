// A message in the making, as its author has it.
/** @import { Writing } from "./core/writings.js" */

/**
 * A message that grows; `room.start` makes one.
 *
 * @example
 * const stream = await room.start({ text: "" });
 * for await (const token of model(prompt, { signal: stream.stopped })) stream.append(token);
 * await stream.finish();
 */
export class Stream {
  #writing;
  #hooks;

  /**
   * @param {number} seq
   * @param {Writing} writing
   * @param {{pump: () => void, finish: (fields: object, ref?: string) => Promise<number>}} hooks
   */
  constructor(seq, writing, hooks) {
    /** @readonly The message's. */
    this.seq = seq;
    this.#writing = writing;
    this.#hooks = hooks;
  }

  /** All of its text, with what is not stored yet. */
  get text() {
    return this.#writing.text(null);
  }

  /** Aborted when somebody wants it to stop, or nothing can be added any more. */
  get stopped() {
    return this.#writing.stopping.signal;
  }

  /** Why nothing can be added any more; null, when it can. */
  get error() {
    return this.#writing.error;
  }

  /**
   * Add text. It is sent when the connection allows, and again after it was lost. Throws `Refused`,
   * when nothing can be added any more.
   *
   * @param {string} text
   * @param {{part?: number}} [options] To which of the body's `parts`, instead of to its own text.
   */
  append(text, { part } = {}) {
    this.#writing.add(String(text), part ?? null);
    this.#hooks.pump();
  }

  /**
   * End it, when all of its text is stored.
   *
   * @param {object} [options]
   * @param {"done" | "failed" | "stopped"} [options.state]
   * @param {object} [options.error] What has failed, for those who read it.
   * @param {unknown} [options.body] Takes the place of what has come.
   * @param {string} [options.ref]
   * @returns {Promise<number>} The seq of its end. Rejects with `Refused`.
   */
  finish({ state = "done", error, body, ref } = {}) {
    this.#writing.finished ??= this.#finish({ state, error, body }, ref);
    return this.#writing.finished;
  }

  /** @param {{state: string, error?: object, body?: unknown}} fields @param {string} [ref] */
  async #finish(fields, ref) {
    const stored = this.#writing.close({ isReplaced: fields.body !== undefined });
    this.#hooks.pump();
    await stored;
    return this.#hooks.finish(fields, ref);
  }
}
