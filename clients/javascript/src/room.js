// A room, as an application uses it.
import { Backoff } from "./core/backoff.js";
import { faultIn } from "./core/bodies.js";
import { Refused } from "./core/errors.js";
import { Outbox } from "./core/outbox.js";
import { roomUrl } from "./core/paths.js";
import { Presence } from "./core/presence.js";
import { refusalOfError } from "./core/verdicts.js";
import { Credentials } from "./credentials.js";
import { Feed } from "./delivery.js";
import { Connector } from "./keeper.js";
/** @import { Entry, User } from "./core/entries.js" */
/** @import { Live, ServerFrame, Welcome } from "./core/frames.js" */
/** @import { Listener, ListenerOptions, RoomEvents, RoomOptions } from "./options.js" */

/** As a `ref` may be written; see "Words". */
const REF = /^(?:[^\p{C}\p{Z}]| ){1,64}$/u;

/**
 * One item's room.
 *
 * @example
 * const room = new Room("https://rooms.example.com", { item: "order-17", token });
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export class Room extends EventTarget {
  #item;
  #tail;
  #buffer;
  #connector;
  #outbox;
  #feed;
  /** @type {{after: number | null, epoch: string | null}} The newest entry that has come. */
  #cursor;
  /** The buffer is full: entries are left where they are, connections serve commands alone. */
  #isDeaf = false;
  /** Of a server whose replay has holes: a `welcome` of it is not yet a success. */
  #distrust = new Backoff();
  #readSeq = 0;
  #presence = new Presence();
  #hasAskedPresence = false;
  #head = 0;
  #oldest = 1;
  /** @type {Welcome | null} */
  #welcome = null;

  /**
   * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
   * @param {RoomOptions} options
   */
  constructor(url, options) {
    super();
    const { item, after = null, epoch = null, tail, outbox = 1000, buffer = 10_000 } = options;
    const Class = options.WebSocket ?? globalThis.WebSocket;
    if (!Class) throw new TypeError("there is no WebSocket here: hand one in");
    this.#item = { id: item, title: /** @type {string | null} */ (null) };
    this.#tail = tail;
    this.#buffer = Math.max(buffer, 1);
    this.#cursor = { after, epoch };
    this.#outbox = new Outbox(outbox, (text) => this.#connector.send(text));
    this.#feed = new Feed(
      (gap) => this.#tell("gap", gap),
      () => this.#taken(),
    );
    this.#feed.seq = after ?? 0;
    this.#feed.epoch = epoch;
    if (buffer === 0) this.#feed.heard();
    this.#connector = new Connector(roomUrl(String(url), item), Class, new Credentials(options), {
      beginning: () => this.#beginning(),
      isIdle: () => this.#isDeaf && this.#outbox.isEmpty,
      isAwaited: () => this.#outbox.isAwaiting,
      onFrame: (frame) => this.#heard(frame),
      onDown: () => this.#outbox.offline(),
      onState: (state, reason, retryAt) => this.#tell("state", { state, reason, retryAt }),
      onRefused: (refused) => this.#refused(refused),
    });
    this.#connector.connect();
  }

  /** Where it stands; every change is a `state` event. */
  get state() {
    return this.#connector.state;
  }

  /** While waiting: when the next attempt is, in milliseconds since 1970. */
  get retryAt() {
    return this.#connector.retryAt;
  }

  /** Why the last connection was refused; null since one was not. */
  get error() {
    return this.#connector.error;
  }

  /** The seq of the newest entry that you have been given; with `epoch` the place to resume at. */
  get seq() {
    return this.#feed.seq;
  }

  /** Which life of the log `seq` belongs to; null before the first `welcome`. */
  get epoch() {
    return this.#feed.epoch;
  }

  /** The newest seq of the log, as far as the server has said. */
  get head() {
    return this.#head;
  }

  /** The oldest seq that was still kept at the last `welcome`. */
  get oldest() {
    return this.#oldest;
  }

  /** You, with your present role; null before the first `welcome`. */
  get you() {
    return this.#welcome?.you ?? null;
  }

  /** Id and title; the title is null before the first `welcome`. */
  get item() {
    return this.#welcome?.item ?? this.#item;
  }

  /** The server's limits; null before the first `welcome`. */
  get limits() {
    return this.#welcome?.limits ?? null;
  }

  /** Who is here. Above 200 users there is only the count. */
  get presence() {
    return { count: this.#presence.count, users: this.#presence.users };
  }

  /**
   * @template {keyof RoomEvents} K
   * @overload
   * @param {K} type
   * @param {((event: CustomEvent<RoomEvents[K]>) => void) | null} listener
   * @param {ListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {Listener} listener
   * @param {ListenerOptions} [options]
   * @returns {void}
   */
  /**
   * As everywhere. Entries wait for an iterator unless an `entry` listener came first.
   *
   * @param {string} type
   * @param {any} listener
   * @param {ListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type === "entry") this.#feed.heard();
  }

  /**
   * Every entry once and in order, across connections, until `close`; one loop at a time.
   *
   * @returns {AsyncIterableIterator<Entry, undefined>}
   */
  [Symbol.asyncIterator]() {
    this.#feed.iterated();
    /** @type {AsyncIterableIterator<Entry, undefined>} */
    const iterator = {
      next: () => this.#feed.next(),
      return: async () => ({ value: undefined, done: true }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Store a message.
   *
   * @param {unknown} body Any JSON value.
   * @param {{ref?: string}} [options] A ref of your own makes it safe to call again later, even
   *   from another process.
   * @returns {Promise<number>} Its seq, when it is on disk. Rejects with `Refused`.
   */
  async publish(body, { ref } = {}) {
    return this.#command("publish", { body }, ref);
  }

  /**
   * Replace a message's body.
   *
   * @param {number} target The message's seq.
   * @param {unknown} body
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async edit(target, body, { ref } = {}) {
    return this.#command("edit", { target, body }, ref);
  }

  /**
   * Erase a message.
   *
   * @param {number} target
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async delete(target, { ref } = {}) {
    return this.#command("delete", { target }, ref);
  }

  /**
   * Put on a reaction, or take it back.
   *
   * @param {number} target
   * @param {string} value
   * @param {boolean} [on]
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async react(target, value, on = true, { ref } = {}) {
    return this.#command("react", { target, value, on }, ref);
  }

  /**
   * Tell those who are here now; dropped while not live.
   *
   * @param {string} name
   * @param {unknown} [body]
   */
  signal(name, body = null) {
    if (this.state !== "live" || !this.#outbox.spare()) return;
    this.#connector.send({ type: "signal", name, body });
  }

  /**
   * Mark as read up to here; kept until there is a connection.
   *
   * @param {number} seq
   */
  read(seq) {
    if (seq <= this.#readSeq) return;
    this.#readSeq = seq;
    if (this.#welcome) this.#connector.send({ type: "read", seq });
  }

  /** Drop the connection and resume. */
  reconnect() {
    if (!this.#connector.isOver) this.#connector.again("reconnect");
  }

  /** Leave. Loops end; commands without an answer are refused with `closed`. */
  close() {
    this.#finish("closed", new Refused("closed", "The room was closed."));
  }

  /**
   * @template {keyof RoomEvents} K
   * @param {K} type
   * @param {RoomEvents[K]} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * @param {string} type
   * @param {object} fields
   * @param {string} [ref]
   */
  #command(type, fields, ref = newRef()) {
    if (this.state === "closed") throw new Refused("closed", "The room was closed.");
    if (this.state === "refused" && this.error) throw this.error;
    if (!REF.test(ref)) throw new Refused("bad_message", "A ref is 1 to 64 printable characters.");
    const text = JSON.stringify({ type, ref, ...fields });
    const fault = faultIn(JSON.parse(text));
    if (fault) throw new Refused("bad_message", fault);
    const answer = this.#outbox.add(ref, text);
    // The connection may have been given up because nobody read.
    if (this.#connector.isResting) this.#connector.again("command");
    return answer;
  }

  #beginning() {
    if (this.#isDeaf) return { tail: 0 };
    const { after, epoch } = this.#cursor;
    return after === null ? { tail: this.#tail } : { after, epoch };
  }

  /** @param {Refused} refused */
  #refused(refused) {
    this.#finish("refused", refused);
    this.#tell("refused", refused);
  }

  /**
   * @param {"refused" | "closed"} state
   * @param {Refused} reason
   */
  #finish(state, reason) {
    if (this.#connector.isOver) return;
    this.#connector.end(state, reason.code);
    this.#outbox.end(reason);
    this.#feed.end(state === "closed" ? null : reason);
  }

  /** @param {ServerFrame} frame */
  #heard(frame) {
    switch (frame.type) {
      case "message":
      case "edit":
      case "delete":
      case "reaction":
      case "member":
      case "item":
        return this.#entry(frame);
      case "welcome":
        return this.#welcomed(frame);
      case "live":
        return this.#caughtUp(frame);
      case "ack":
        return this.#outbox.acked(frame);
      case "error":
        if (!this.#outbox.refused(frame)) this.#tell("error", refusalOfError(frame));
        return;
      case "presence":
        this.#present(frame);
        return this.#tell("presence", frame);
      case "role":
        if (this.#welcome) this.#welcome.you.role = frame.role;
        return this.#tell("role", frame);
      case "expiring":
        this.#tell("expiring", frame);
        return this.#connector.renew();
      case "pong":
        return this.#noteHead(frame.head ?? 0);
      case "signal":
        return this.#tell("signal", frame);
      case "read":
        return this.#tell("read", frame);
    }
  }

  /** @param {Welcome} frame */
  #welcomed(frame) {
    this.#welcome = frame;
    this.#head = frame.head;
    this.#oldest = frame.oldest;
    this.#present(frame.presence);
    const { attempt } = this.#connector;
    this.#connector.welcomed();
    this.#tell("welcome", frame);
    // A listener may have closed the room, or dropped the connection.
    if (attempt !== this.#connector.attempt) return;
    if (!this.#isDeaf) this.#begin(frame);
    this.#outbox.online(frame.limits);
    if (this.#readSeq) this.#connector.send({ type: "read", seq: this.#readSeq });
  }

  /** @param {Welcome} frame */
  #begin({ after, oldest, epoch, recovered }) {
    const asked = this.#cursor.after;
    this.#cursor.epoch = epoch;
    if (asked === null) {
      this.#cursor.after = this.#feed.seq = after;
      this.#feed.epoch = epoch;
    } else if (!recovered || after > asked) {
      this.#cursor.after = after;
      this.#readSeq = 0;
      this.#feed.gap({ after, oldest, epoch });
    } else {
      this.#feed.epoch ??= epoch;
    }
  }

  /** @param {Entry} frame */
  #entry(frame) {
    this.#noteHead(frame.seq);
    if (frame.ref && frame.by.id === this.you?.id) this.#outbox.stored(frame);
    const last = this.#cursor.after ?? 0;
    if (this.#isDeaf || frame.seq <= last) return;
    if (frame.seq > last + 1) return this.#mend();
    if (this.#feed.size >= this.#buffer) return this.#overflow();
    this.#distrust.reset();
    this.#cursor.after = frame.seq;
    if (frame.type === "item" && frame.title !== undefined && this.#welcome) {
      this.#welcome.item.title = frame.title;
    }
    this.#feed.push(frame);
    this.#tell("entry", frame);
  }

  /** @param {Live} frame */
  #caughtUp(frame) {
    this.#noteHead(frame.seq);
    if (!this.#isDeaf && frame.seq > (this.#cursor.after ?? 0)) return this.#mend();
    this.#connector.become("live");
    this.#tell("live", frame);
  }

  /** A hole is a broken promise: what is missing has to come first. */
  #mend() {
    this.#connector.retreat("hole", this.#distrust.next());
  }

  /** Nobody reads: what comes now is fetched when there is room for it. */
  #overflow() {
    this.#isDeaf = true;
    // Commands go on: whoever reads may be waiting for the answer to one.
    if (this.#outbox.isEmpty) this.#connector.rest("buffer_full");
    else this.#connector.again("buffer_full");
  }

  #taken() {
    if (!this.#isDeaf || this.#connector.isOver || this.#feed.size > this.#buffer / 2) return;
    this.#isDeaf = false;
    this.#connector.again("buffer_free");
  }

  /** @param {number} seq */
  #noteHead(seq) {
    this.#head = Math.max(this.#head, seq);
  }

  /** @param {{count: number, users?: User[], join?: User[], leave?: User[]}} change */
  #present(change) {
    this.#presence.apply(change);
    if (!this.#presence.isPartial) this.#hasAskedPresence = false;
    else if (!this.#hasAskedPresence && this.#outbox.spare()) {
      this.#hasAskedPresence = true;
      this.#connector.send({ type: "presence" });
    }
  }
}

/** 128 random bits; `crypto.randomUUID` is only there in secure contexts. */
function newRef() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
