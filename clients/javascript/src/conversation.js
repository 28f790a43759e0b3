// What people see of a room: messages as they stand now, and those on their way.
import { grown } from "./core/drafts.js";
import { newRef } from "./core/outbox.js";
import { Room } from "./room.js";
import { Session } from "./session.js";
/** @import { Deletion, Edit, Entry, Finish, ItemChange, MemberChange, Message, Reaction, Role, Stop, User } from "./core/entries.js" */
/** @import { Refused } from "./core/errors.js" */
/** @import { Append, Open } from "./core/frames.js" */
/** @import { RoomOptions, State } from "./options.js" */

/** More of them than a page can show well; the oldest are let go. */
const MAX_SHOWN = 1000;

/**
 * An entry of the log with what came of it: what is about another entry is no entry here. `stop`
 * and `finish` are of a message that grew, and `finish` has no body.
 *
 * @typedef {{key: string, status: "stored", error: null, reactions: Record<string, User[]>,
 *   stop?: Stop, finish?: Finish}} Shown
 * @typedef {(Message | MemberChange | ItemChange) & Shown} StoredEntry
 */

/**
 * A message that was written here and is not in the log yet. Its `key` is that of the stored one
 * that takes its place. `by` is null before the first `welcome`.
 *
 * @typedef {object} UnsentEntry
 * @property {"message"} type
 * @property {string} key
 * @property {"pending" | "failed"} status
 * @property {Refused | null} error Why it failed.
 * @property {string} ref
 * @property {string} at
 * @property {User | null} by
 * @property {any} body
 */

/**
 * What there is to see; never changed, but replaced by another.
 *
 * @typedef {object} View
 * @property {(StoredEntry | UnsentEntry)[]} entries Those that are stored, then those that are not.
 * @property {{count: number, users: User[]}} presence
 * @property {State} status
 * @property {Refused | null} error Why the last connection was refused.
 * @property {number | null} retryAt While waiting: when the next attempt is.
 * @property {(User & {role: Role}) | null} you
 * @property {string | null} title The item's.
 */

/**
 * A room, and what there is to see of it.
 *
 * @example
 * const conversation = new Conversation("/", { item: "order-17" });
 * conversation.subscribe(() => draw(conversation.view));
 */
export class Conversation {
  /** @type {Map<number, StoredEntry>} By seq, and in its order. */
  #stored = new Map();
  /** @type {Map<string, UnsentEntry & {seq?: number}>} By ref; the `seq` is that of the ack. */
  #unsent = new Map();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {View | null} Made when somebody looks. */
  #view = null;

  /**
   * @param {string | URL | Session} place The server; or a session, whose socket it then has.
   * @param {RoomOptions} options Those of a room; with a session those of its rooms.
   */
  constructor(place, options) {
    const chosen = { ...options, buffer: 0 };
    /** @readonly */
    this.room = place instanceof Session ? place.room(options.item, chosen) : new Room(place, chosen);
    this.room.addEventListener("entry", ({ detail }) => {
      this.#apply(detail);
      this.#moved();
    });
    for (const type of /** @type {const} */ (["open", "append"])) {
      this.room.addEventListener(type, ({ detail }) => this.#grow(detail));
    }
    this.room.addEventListener("gap", () => this.#stored.clear());
    for (const type of ["state", "welcome", "presence", "role"]) {
      this.room.addEventListener(type, () => this.#changed());
    }
  }

  /** What there is to see now; the same object until something changes. */
  get view() {
    return (this.#view ??= this.#look());
  }

  /** Whether something that was published has no answer yet. */
  get isWaiting() {
    return [...this.#unsent.values()].some(({ status }) => status === "pending");
  }

  /**
   * Be told of every change of the view.
   *
   * @param {() => void} listener
   * @returns {() => void} Ends it.
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Store a message, and show it at once. When it is refused, it stays with its `error`.
   *
   * @param {unknown} body Any JSON value.
   * @param {{ref?: string}} [options]
   * @returns {string} Its ref.
   */
  publish(body, { ref = newRef() } = {}) {
    const at = new Date().toISOString();
    const shown = { key: `ref/${ref}`, status: /** @type {const} */ ("pending"), error: null };
    this.#unsent.set(ref, { type: "message", ref, at, by: this.room.you, body, ...shown });
    this.#send(ref, body);
    return ref;
  }

  /**
   * Publish a message that failed once more: its ref makes sure that it is stored once.
   *
   * @param {string} ref
   */
  retry(ref) {
    const unsent = this.#unsent.get(ref);
    if (unsent?.status === "failed") this.#send(ref, unsent.body);
  }

  /**
   * Forget a message that failed.
   *
   * @param {string} ref
   */
  discard(ref) {
    if (this.#unsent.get(ref)?.status === "failed") this.#unsent.delete(ref);
    this.#changed();
  }

  /** Leave the room. */
  close() {
    this.room.close();
  }

  /** @param {string} ref @param {unknown} body */
  async #send(ref, body) {
    this.#mark(ref, { status: "pending", error: null });
    try {
      this.#mark(ref, { seq: await this.room.publish(body, { ref }) });
    } catch (error) {
      this.#mark(ref, { status: "failed", error: /** @type {Refused} */ (error) });
    }
  }

  /** @param {string} ref @param {Partial<UnsentEntry & {seq: number}>} changes */
  #mark(ref, changes) {
    const unsent = this.#unsent.get(ref);
    if (unsent) this.#unsent.set(ref, { ...unsent, ...changes });
    this.#drop(this.room.seq);
    this.#changed();
  }

  /** What is stored, and no further than what is shown, waits no more. @param {number} upTo */
  #drop(upTo) {
    for (const [ref, { seq }] of this.#unsent) {
      if (seq !== undefined && seq <= upTo) this.#unsent.delete(ref);
    }
  }

  /** @param {Entry} entry */
  #apply(entry) {
    if ("target" in entry) {
      const target = this.#stored.get(entry.target);
      if (target) this.#stored.set(entry.target, changed(target, entry));
    } else {
      const key = this.#takePlace(entry) ?? `seq/${entry.seq}`;
      const shown = { ...entry, key, status: /** @type {const} */ ("stored"), error: null, reactions: {} };
      // It would have to grow with the text, which says it itself.
      if (shown.type === "message") delete shown.length;
      this.#stored.set(entry.seq, shown);
    }
    this.#drop(entry.seq);
    // The order of a map is that in which keys came.
    const [oldest = 0] = this.#stored.keys();
    if (this.#stored.size > MAX_SHOWN) this.#stored.delete(oldest);
  }

  /** More text of a message, or all that there is of it. @param {Append | Open} frame */
  #grow(frame) {
    const seq = frame.type === "open" ? frame.seq : frame.target;
    const entry = this.#stored.get(seq);
    if (entry?.type !== "message" || !entry.open) return;
    const body = frame.type === "open" ? frame.body : grown(entry.body, frame.text, frame.part ?? null);
    this.#stored.set(seq, { ...entry, body });
    this.#moved();
  }

  /** The key of the message that was shown until this one came. @param {Entry} entry */
  #takePlace({ type, by, ref }) {
    if (type !== "message" || ref === undefined || by.id !== this.room.you?.id) return undefined;
    const unsent = this.#unsent.get(ref);
    this.#unsent.delete(ref);
    return unsent?.key;
  }

  /** @returns {View} */
  #look() {
    const { presence, state, error, retryAt, you, item } = this.room;
    const entries = [...this.#stored.values(), ...this.#unsent.values()];
    return { entries, presence, status: state, error, retryAt, you, title: item.title };
  }

  /** What is replayed is shown when all of it is there. */
  #moved() {
    if (this.room.state === "live") this.#changed();
  }

  #changed() {
    this.#view = null;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * An entry after another that is about it.
 *
 * @param {StoredEntry} entry
 * @param {Edit | Deletion | Reaction | Stop | Finish} change
 * @returns {StoredEntry}
 */
function changed(entry, change) {
  if (entry.type !== "message" || entry.deleted_seq !== undefined) return entry;
  if (change.type === "reaction") return reacted(entry, change);
  if (change.type === "delete") {
    const { open: _, ...rest } = entry;
    return { ...rest, body: undefined, deleted_seq: change.seq, reactions: {} };
  }
  if (change.type === "stop") return { ...entry, stop: change };
  if (change.type === "finish") return finished(entry, change);
  // A message is replayed as it stands now: edits that are older than that are no news.
  if (change.body === undefined || change.seq < (entry.edited_seq ?? 0)) return entry;
  return { ...entry, body: change.body, edited_seq: change.seq };
}

/**
 * @param {Message & Shown} entry
 * @param {Finish} finish
 * @returns {StoredEntry}
 */
function finished({ open: _, ...entry }, { body, ...finish }) {
  return { ...entry, body: body === undefined ? entry.body : body, finish };
}

/**
 * @param {Message & Shown} entry
 * @param {{value: string, on: boolean, by: User}} reaction
 * @returns {StoredEntry}
 */
function reacted(entry, { value, on, by }) {
  const { [value]: before = [], ...reactions } = entry.reactions;
  const users = before.filter(({ id }) => id !== by.id);
  if (on) users.push(by);
  return { ...entry, reactions: users.length ? { ...reactions, [value]: users } : reactions };
}
