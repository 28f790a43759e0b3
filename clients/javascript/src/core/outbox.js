// Commands that wait to be sent, or to be answered.
import { LONGEST } from "../clock.js";
import { Refused } from "./errors.js";
import { Bucket } from "./pace.js";
import { refusalOfError } from "./verdicts.js";
/** @import { Entry } from "./entries.js" */
/** @import { Limits } from "./frames.js" */

/** What each command becomes in the log. */
const STORED_AS = new Map([
  ["publish", "message"],
  ["edit", "edit"],
  ["delete", "delete"],
  ["react", "reaction"],
]);

/** Refusals of a command that say "not now" and mean the command no harm. */
const NOT_NOW = new Set(["rate_limited", "busy", "draining"]);

/** A command until its answer. */
class Command {
  /** Sent on this connection, and not answered. */
  isOut = false;
  /** Lost with a connection: it may be stored. */
  wasLost = false;
  /** @type {(seq: number) => void} */
  resolve = () => {};
  /** @type {(reason: Refused) => void} */
  reject = () => {};

  /** @param {string} text The frame. */
  constructor(text) {
    this.text = text;
    /** @type {Promise<number>} */
    this.answer = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }

  /**
   * Whether an entry is what this becomes in the log.
   *
   * @param {any} entry
   */
  isStoredAs(entry) {
    const fields = JSON.parse(this.text);
    if (STORED_AS.get(fields.type) !== entry.type) return false;
    return ["target", "value", "on", "body"].every(
      (name) => JSON.stringify(fields[name]) === JSON.stringify(entry[name]),
    );
  }
}

/** Commands without an answer, in order. What is lost with a connection is sent on the next. */
export class Outbox {
  #limit;
  #send;
  /** @type {Map<string, Command>} By ref, in the order in which they were given. */
  #commands = new Map();
  /** @type {Limits | null} Null while there is no connection. */
  #limits = null;
  #bucket = new Bucket(0, 0);
  #out = 0;
  /** The server has said "not now": our idea of its bucket is wrong. */
  #isWary = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} Nothing is sent before it fires. */
  #pause;

  /**
   * @param {number} limit
   * @param {(text: string) => void} send
   */
  constructor(limit, send) {
    this.#limit = limit;
    this.#send = send;
  }

  get isEmpty() {
    return this.#commands.size === 0;
  }

  /** Whether something was sent that has no answer yet. */
  get isAwaiting() {
    return this.#out > 0;
  }

  /**
   * @param {string} ref
   * @param {string} text
   * @returns {Promise<number>} The seq, when it is stored.
   */
  add(ref, text) {
    const twin = this.#commands.get(ref);
    if (twin) {
      if (twin.text === text) return twin.answer;
      throw new Refused("ref_conflict", "This ref waits for the answer to something else.");
    }
    if (this.#commands.size >= this.#limit) {
      throw new Refused("outbox_full", "Too many commands wait for an answer.", { retry: "later" });
    }
    const command = new Command(text);
    this.#commands.set(ref, command);
    this.#pump();
    return command.answer;
  }

  /** @param {Limits} limits */
  online(limits) {
    this.#limits = limits;
    this.#isWary = false;
    this.#bucket = new Bucket(limits.publish_rate, limits.publish_burst);
    this.#pump();
  }

  offline() {
    this.#limits = null;
    this.#resume();
    this.#out = 0;
    for (const command of this.#commands.values()) {
      command.wasLost ||= command.isOut;
      command.isOut = false;
    }
  }

  /** @returns {boolean} Whether something else may be sent now that counts like a command. */
  spare() {
    return this.#limits !== null && this.#pause === undefined && this.#bucket.take() === 0;
  }

  /** @param {{ref?: string, seq: number}} ack */
  acked({ ref = "", seq }) {
    this.#take(ref)?.resolve(seq);
    this.#pump();
  }

  /**
   * @param {{ref?: string, code: string, message: string, retry_after?: number}} error
   * @returns {boolean} Whether it was about a command.
   */
  refused(error) {
    const { ref = "", code, retry_after: retryAfter } = error;
    const command = this.#commands.get(ref);
    if (!command) return false;
    if (NOT_NOW.has(code)) {
      // It keeps its place, and what was given later waits behind it.
      if (command.isOut) this.#out -= 1;
      command.isOut = false;
      this.#isWary = true;
      this.#bucket.empty();
      this.#wait((retryAfter ?? 1) * 1000);
    } else {
      this.#take(ref);
      command.reject(refusalOfError(error));
      this.#pump();
    }
    return true;
  }

  /**
   * An entry of mine: it answers its command, should the ack have been lost.
   *
   * @param {Entry} entry
   */
  stored(entry) {
    const command = this.#commands.get(entry.ref ?? "");
    if (!command?.wasLost || !command.isStoredAs(entry)) return;
    this.#take(/** @type {string} */ (entry.ref))?.resolve(entry.seq);
    this.#pump();
  }

  /** @param {Refused} reason */
  end(reason) {
    const commands = [...this.#commands.values()];
    this.#commands.clear();
    for (const command of commands) command.reject(reason);
  }

  /** @param {string} ref */
  #take(ref) {
    const command = this.#commands.get(ref);
    if (command?.isOut) this.#out -= 1;
    this.#commands.delete(ref);
    return command;
  }

  #pump() {
    if (!this.#limits || this.#pause !== undefined) return;
    if (this.isEmpty) this.#isWary = false;
    // Half of what the server lets wait: read markers count there too.
    const window = Math.max(1, Math.floor(this.#limits.in_flight / 2));
    for (const [ref, command] of this.#commands) {
      if (this.#out >= window) return;
      if (command.isOut) continue;
      if (isLonger(command.text, this.#limits.frame_bytes)) {
        // Sent, it would close the connection for good.
        this.#take(ref)?.reject(new Refused("too_big", "The frame is larger than allowed."));
        continue;
      }
      // What might be refused goes alone: what is sent behind it could be stored before it.
      if (this.#out && (this.#isWary || !this.#bucket.isAmple)) return;
      const wait = this.#bucket.take();
      if (wait) return this.#wait(wait);
      command.isOut = true;
      this.#out += 1;
      this.#send(command.text);
    }
  }

  /** @param {number} wait */
  #wait(wait) {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#resume();
      this.#pump();
    }, Math.min(wait, LONGEST));
  }

  #resume() {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }
}

/**
 * @param {string} text
 * @param {number} bytes
 */
function isLonger(text, bytes) {
  // No character takes more than three bytes a UTF-16 unit.
  return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}
