// A room, as an application uses it.
import { Answers } from "./answers.js";
import { uptime } from "./clock.js";
import { Cursor } from "./core/cursor.js";
import { Refused } from "./core/errors.js";
import { Outbox } from "./core/outbox.js";
import { roomUrl } from "./core/paths.js";
import { Talk } from "./core/talk.js";
import { Credentials } from "./credentials.js";
import { Delivery } from "./delivery.js";
import { Keeper } from "./keeper.js";
import { Stream } from "./stream.js";
import { additions } from "./texts.js";
import { Ways } from "./ways.js";
/** @import { Entry, Happening } from "./core/entries.js" */
/** @import { Listener, ListenerOptions, RoomEvents, RoomOptions } from "./options.js" */

/**
 * One item's room.
 *
 * @example
 * const room = new Room("https://rooms.example.com", { item: "order-17", token });
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export class Room extends EventTarget {
  #id;
  #buffer;
  #session;
  #delivery;
  #answers = new Answers();
  /** Whether somebody listens to texts as they grow: else they wait for nobody. */
  #isTextHeard = false;
  #ways;
  #keeper;

  /**
   * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
   * @param {RoomOptions} options
   */
  constructor(url, options) {
    super();
    const { item, after = null, epoch = null, tail, outbox = 1000, buffer = 10_000 } = options;
    const { WebSocket: Class = globalThis.WebSocket, transport = "auto" } = options;
    if (!["auto", "websocket", "events"].includes(transport)) {
      throw new TypeError(`not a transport: ${transport}`);
    }
    if (!Class && transport !== "events") throw new TypeError("there is no WebSocket here: hand one in");
    this.#id = item;
    this.#buffer = Math.max(buffer, 1);
    const cursor = new Cursor(after, epoch, tail);
    const credentials = new Credentials(options);
    this.#session = new Talk(cursor, new Outbox(outbox), credentials);
    this.#delivery = new Delivery(
      cursor,
      (gap) => this.#tell("gap", gap),
      (frame) => this.#tell(frame.type, frame),
      () => this.#taken(),
    );
    if (buffer === 0) this.#delivery.heard();
    const address = roomUrl(String(url), item, globalThis.location?.href);
    this.#ways = new Ways(address, Class, transport);
    this.#keeper = new Keeper(address, this.#ways, this.#session, credentials, {
      onEvent: (event) => this.#happened(event),
      onState: (state, reason, retryAt) => this.#tell("state", { state, reason, retryAt }),
      onRefused: (refused) => this.#refused(refused),
    });
    this.#keeper.connect();
  }

  /** Where it stands; every change is a `state` event. */
  get state() {
    return this.#keeper.state;
  }

  /** While waiting: when the next attempt is, in milliseconds since 1970. */
  get retryAt() {
    return this.#keeper.retryAt;
  }

  /** Why the last connection was refused; null since one was not. */
  get error() {
    return this.#keeper.error;
  }

  /** By which way the newest connection is, or was. */
  get transport() {
    return this.#ways.taken;
  }

  /** The seq of the newest entry that you have been given; with `epoch` the place to resume at. */
  get seq() {
    return this.#delivery.seq;
  }

  /** Which life of the log `seq` belongs to; null before the first `welcome`. */
  get epoch() {
    return this.#delivery.epoch;
  }

  /** The newest seq of the log, as far as the server has said. */
  get head() {
    return this.#session.picture.head;
  }

  /** The oldest seq that was still kept at the last `welcome`. */
  get oldest() {
    return this.#session.picture.oldest;
  }

  /** You, with your present role; null before the first `welcome`. */
  get you() {
    return this.#session.picture.you;
  }

  /** Id and title; the title is null before the first `welcome`. */
  get item() {
    return this.#session.picture.item ?? { id: this.#id, title: null };
  }

  /** The server's limits; null before the first `welcome`. */
  get limits() {
    return this.#session.picture.welcome?.limits ?? null;
  }

  /** Who is here. Above 200 users there is only the count. */
  get presence() {
    const { count, users } = this.#session.picture.presence;
    return { count, users };
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
    if (type === "entry") this.#delivery.heard();
    if (type === "append" || type === "open") this.#isTextHeard = true;
  }

  /**
   * Every entry once and in order, across connections, until `close`; one loop at a time.
   *
   * @returns {AsyncIterableIterator<Entry, undefined>}
   */
  [Symbol.asyncIterator]() {
    this.#delivery.iterated();
    /** @type {AsyncIterableIterator<Entry, undefined>} */
    const iterator = {
      next: () => this.#delivery.next(),
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
   * Begin a message whose text grows while others read it.
   *
   * @param {unknown} body A text, or an object with a `text`, or with `parts` that have one.
   * @param {{ref?: string}} [options] With a ref that was used before, the message that was begun
   *   then goes on: its `text` is what there is of it.
   * @returns {Promise<Stream>} Rejects with `Refused`.
   */
  async start(body, { ref } = {}) {
    const seq = await this.#command("start", { body }, ref);
    const draft = await this.#session.drafts.find(seq);
    if (!draft || draft.end) throw this.#ended ?? new Refused("stream_closed", "It is finished.");
    return new Stream(seq, this.#session.writings.begin(seq, draft), {
      pump: () => this.#keeper.pump(),
      finish: (fields, given) => this.#command("finish", { target: seq, ...fields }, given),
    });
  }

  /**
   * Ask the author of a message in the making to end it.
   *
   * @param {number} target
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async stop(target, { ref } = {}) {
    return this.#command("stop", { target }, ref);
  }

  /**
   * The text of a message in the making: what there is of it, then each addition, across
   * connections, until it is finished. Throws `Refused`, if it is not in the making.
   *
   * @param {number} seq
   * @param {{part?: number}} [options] Of the body's `parts`, instead of its own text.
   * @returns {AsyncGenerator<string, void>}
   */
  text(seq, { part } = {}) {
    return additions(this.#session.drafts, seq, part ?? null);
  }

  /**
   * Tell those who are here now; dropped while not live.
   *
   * @param {string} name
   * @param {unknown} [body]
   */
  signal(name, body = null) {
    this.#session.signal(name, body, uptime());
    this.#keeper.pump();
  }

  /**
   * Mark as read up to here; kept until there is a connection.
   *
   * @param {number} seq
   */
  read(seq) {
    this.#session.read(seq);
    this.#keeper.pump();
  }

  /** Drop the connection and resume. */
  reconnect() {
    if (!this.#keeper.isOver) this.#keeper.again("reconnect");
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
   * @param {string} [given]
   */
  #command(type, fields, given) {
    if (this.#ended) throw this.#ended;
    const answer = this.#answers.to(this.#session.command(type, fields, given));
    this.#keeper.pump();
    return answer;
  }

  /** Why there is nothing to be had any more. */
  get #ended() {
    if (this.state === "closed") return new Refused("closed", "The room was closed.");
    return this.state === "refused" ? this.error : null;
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
    if (this.#keeper.isOver) return;
    this.#keeper.end(state, reason.code);
    this.#answers.end(reason);
    this.#delivery.end(state === "closed" ? null : reason);
    this.#session.drafts.end(state === "closed" ? null : reason);
    this.#session.writings.endAll(reason);
  }

  /** @param {Happening} event */
  #happened({ type, detail }) {
    switch (type) {
      case "settled":
        return this.#answers.settle(detail[0], detail[1]);
      case "begin":
        return this.#delivery.begin(detail);
      case "gap":
        return this.#delivery.gap(detail); // Told when whoever reads gets to it.
      case "entry":
        this.#delivery.push(detail);
        this.#session.cursor.hasRoom = this.#delivery.size < this.#buffer;
        break;
      case "open":
      case "append":
        // Of entries that are left where they are, there is no text to go on.
        if (this.#isTextHeard && !this.#session.cursor.isDeaf) this.#delivery.text(detail);
        return;
    }
    this.#tell(/** @type {keyof RoomEvents} */ (type), detail);
  }

  #taken() {
    const { cursor } = this.#session;
    cursor.hasRoom = true;
    if (!cursor.isDeaf || this.#keeper.isOver || this.#delivery.size > this.#buffer / 2) return;
    cursor.isDeaf = false;
    this.#keeper.again("buffer_free");
  }
}
