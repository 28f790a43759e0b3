/** What the reader does in a room, until it is stored or refused. */

import { reasonFor, textOf } from "./format.js";
import { complain } from "./notices.js";

/**
 * @typedef {{publish: (body: unknown, options: {ref: string}) => Promise<number>,
 *   edit: (target: number, body: unknown) => Promise<number>,
 *   delete: (target: number) => Promise<number>,
 *   react: (target: number, value: string, on?: boolean) => Promise<number>,
 *   stop: (target: number) => Promise<number>}} Commands
 */

export class Outgoing {
  /**
   * @param {import("./timeline.js").Timeline} timeline Shows what waits to be sent.
   * @param {() => Commands} commands
   * @param {() => void} onChange
   */
  constructor(timeline, commands, onChange) {
    this.timeline = timeline;
    this.commands = commands;
    this.onChange = onChange;
  }

  /** Whether something waits for its answer. */
  get isWaiting() {
    return this.timeline.pending.some((pending) => pending.state === "pending");
  }

  /** @param {unknown} body */
  publish(body) {
    const ref = newRef();
    this.timeline.write(ref, body, new Date().toISOString());
    this.#transmit(ref, body);
  }

  /** The same once more: its ref makes sure that it is stored once. @param {string} ref */
  retry(ref) {
    const pending = this.timeline.pending.find((one) => one.ref === ref);
    if (!pending) return;
    this.timeline.mark(ref, null);
    this.#transmit(ref, pending.body);
    this.onChange();
  }

  /** @param {string} ref */
  discard(ref) {
    this.timeline.discard(ref);
    this.onChange();
  }

  /** It is not sent after all: its text. @param {string} ref */
  takeBack(ref) {
    const pending = this.timeline.pending.find((one) => one.ref === ref);
    this.discard(ref);
    return textOf(pending?.body) ?? "";
  }

  /** Another command; a refusal is told. @param {(commands: Commands) => Promise<number>} give */
  async give(give) {
    try {
      await give(this.commands());
    } catch (error) {
      complain(inWords(error));
    }
  }

  /** @param {string} ref @param {unknown} body */
  async #transmit(ref, body) {
    try {
      this.timeline.confirm(ref, await this.commands().publish(body, { ref }));
    } catch (error) {
      const { code = "" } = /** @type {{code?: string}} */ (error);
      this.timeline.mark(ref, inWords(error), code);
    }
    this.onChange();
  }
}

/** @param {unknown} error */
function inWords(error) {
  const { code = "", message = "" } = /** @type {{code?: string, message?: string}} */ (error);
  return reasonFor(code, message);
}

/** 128 random bits: `crypto.randomUUID` is only there in secure contexts. */
function newRef() {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}
