// Commands that wait to be sent, or to be answered.
import { faultIn } from "./bodies.js";
import { Refused } from "./errors.js";
/** @import { Entry } from "./entries.js" */
/** @import { Pace } from "./pace.js" */

/** What each command becomes in the log. */
const STORED_AS = new Map([
  ["publish", "message"],
  ["edit", "edit"],
  ["delete", "delete"],
  ["react", "reaction"],
  ["start", "message"],
  ["finish", "finish"],
  ["stop", "stop"],
]);
/** Refusals of a command that say "not now" and mean the command no harm. */
const PASSING = new Set(["rate_limited", "busy", "draining"]);
/** Milliseconds, where such a refusal does not say when. */
const PASSING_WAIT = 1_000;
/** As a `ref` may be written; see "Words". */
const REF = /^(?:[^\p{C}\p{Z}]| ){1,64}$/u;

/** Something to be stored, under a ref that makes sending it again safe. */
class Command {
  /** Sent on this connection, and not answered. */
  isOut = false;
  /** A connection ended between sending it and its answer: it may be stored. */
  wasLost = false;

  /** @param {string} text The frame. */
  constructor(text) {
    this.text = text;
  }

  /**
   * Whether an entry is what this becomes in the log.
   *
   * @param {any} entry
   */
  isStoredAs(entry) {
    const fields = JSON.parse(this.text);
    if (STORED_AS.get(fields.type) !== entry.type) return false;
    return ["target", "value", "on", "body", "state", "error"].every(
      (name) => JSON.stringify(fields[name]) === JSON.stringify(entry[name]),
    );
  }

  /** @param {number} bytes */
  isLongerThan(bytes) {
    // No character takes more than three bytes a UTF-16 unit.
    return this.text.length * 3 > bytes && new TextEncoder().encode(this.text).length > bytes;
  }
}

/** Every command from its giving until it is stored or refused. */
export class Outbox {
  #limit;
  /** @type {Map<string, Command>} By ref, in the order in which they were given. */
  #commands = new Map();
  #window = 1;
  #out = 0;
  /** The server has said "not now": our idea of its pace is wrong. */
  #isWary = false;
  /** Nothing is sent before this time. */
  #resumesAt = -Infinity;

  /** @param {number} limit How many, at most. */
  constructor(limit) {
    this.#limit = limit;
  }

  get isEmpty() {
    return this.#commands.size === 0;
  }

  /** Whether something was sent that has no answer yet. */
  get isAwaiting() {
    return this.#out > 0;
  }

  /**
   * Take a command. One that waits already, with the same ref and content, is the same command.
   *
   * @param {string} type
   * @param {object} fields
   * @param {string} [ref]
   * @returns {string} Its ref.
   */
  add(type, fields, ref = newRef()) {
    if (!REF.test(ref)) throw new Refused("bad_message", "A ref is 1 to 64 printable characters.");
    const text = JSON.stringify({ type, ref, ...fields });
    const fault = faultIn(JSON.parse(text));
    if (fault) throw new Refused("bad_message", fault);
    const twin = this.#commands.get(ref);
    if (twin?.text === text) return ref;
    if (twin) {
      throw new Refused("ref_conflict", "This ref waits for the answer to something else.");
    }
    if (this.#commands.size >= this.#limit) {
      throw new Refused("outbox_full", "Too many commands wait for an answer.", { retry: "later" });
    }
    this.#commands.set(ref, new Command(text));
    return ref;
  }

  /**
   * The server welcomes: what was not answered is sent again, in order.
   *
   * @param {number} inFlight How many it lets wait.
   */
  connected(inFlight) {
    this.dropped();
    this.#isWary = false;
    // Half of what the server lets wait: read markers count there too.
    this.#window = Math.max(1, Math.floor(inFlight / 2));
  }

  /** The connection is no more. */
  dropped() {
    this.#out = 0;
    this.#resumesAt = -Infinity;
    for (const command of this.#commands.values()) {
      command.wasLost ||= command.isOut;
      command.isOut = false;
    }
  }

  /** @param {number} now */
  isPaused(now) {
    return now < this.#resumesAt;
  }

  /**
   * @param {number} now
   * @param {Pace} pace
   * @returns {{texts: string[], wait: number}} Frames to send now, and how long until more are
   *   due; Infinity: when something changes.
   */
  due(now, pace) {
    /** @type {string[]} */
    const texts = [];
    if (this.isPaused(now)) return { texts, wait: this.#resumesAt - now };
    if (this.isEmpty) this.#isWary = false;
    for (const command of this.#commands.values()) {
      if (this.#out >= this.#window) break;
      if (command.isOut) continue;
      // What might be refused goes alone: what is sent behind it could be stored before it.
      if (this.#out && (this.#isWary || !pace.isAmple(now))) break;
      const wait = pace.take(now);
      if (wait) return { texts, wait };
      command.isOut = true;
      this.#out += 1;
      texts.push(command.text);
    }
    return { texts, wait: Infinity };
  }

  /**
   * A command was answered; whether it was here.
   *
   * @param {string} [ref]
   */
  settle(ref = "") {
    if (this.#commands.get(ref)?.isOut) this.#out -= 1;
    return this.#commands.delete(ref);
  }

  /**
   * A command was refused.
   *
   * @param {Refused} refused
   * @param {string} ref
   * @param {number} now
   * @returns {"unknown" | "final" | "passing"} Passing: it keeps its place, and what was given
   *   later waits behind it.
   */
  refused(refused, ref, now) {
    const command = this.#commands.get(ref);
    if (!command) return "unknown";
    if (!PASSING.has(refused.code)) {
      this.settle(ref);
      return "final";
    }
    if (command.isOut) this.#out -= 1;
    command.isOut = false;
    this.#isWary = true;
    const wait = refused.retryAfter === null ? PASSING_WAIT : refused.retryAfter * 1000;
    this.#resumesAt = Math.max(this.#resumesAt, now + wait);
    return "passing";
  }

  /**
   * Whether an entry of mine is what a command has done, whose answer was lost.
   *
   * @param {Entry} entry
   */
  wasStored(entry) {
    const command = this.#commands.get(entry.ref ?? "");
    return command !== undefined && command.wasLost && command.isStoredAs(entry);
  }

  /**
   * Those that the server would close the connection for.
   *
   * @param {number} limit Bytes of a frame.
   * @returns {string[]} Their refs.
   */
  tooBig(limit) {
    return [...this.#commands].filter(([, one]) => one.isLongerThan(limit)).map(([ref]) => ref);
  }

  /**
   * @param {string} ref
   * @param {number} limit Bytes of a frame.
   */
  isTooBig(ref, limit) {
    return this.#commands.get(ref)?.isLongerThan(limit) ?? false;
  }
}

/** 128 random bits; `crypto.randomUUID` is only there in secure contexts. */
export function newRef() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
