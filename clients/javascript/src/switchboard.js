// Many rooms at one socket: each has one of its own, as far as it can tell.
import { uptime } from "./clock.js";
import { Backoff } from "./core/backoff.js";
import { lost } from "./core/errors.js";
import { HASTE, PING } from "./core/silence.js";
import { Seat } from "./seat.js";
/** @import { WebSocketClass } from "./options.js" */

const SHARED_PONG = '{"type":"pong","head":0}';
/** Milliseconds at most between two sockets that come to nothing: a room waits no longer for a word. */
const LONGEST_PAUSE = 5_000;

/**
 * The socket behind them. It is opened by the first that needs it, with what that shows of who it
 * is, and closed after the last.
 */
export class Switchboard {
  #WebSocket;
  /** @type {any} The real one; null: there is none. */
  #socket = null;
  #isOpen = false;
  /** When the socket was heard, or at least begun. */
  #heardAt = 0;
  /** @type {Map<string | null, Seat>} By item; null: what is of the socket itself. */
  #seats = new Map();
  /** @type {Set<string>} Items that were left, until the server says so. */
  #leaving = new Set();
  /** @type {Set<Seat>} Who waits for a sign of life. */
  #asking = new Set();

  /** However many rooms want to come back: they are one client to a server that is down. */
  #backoff = new Backoff();
  #notBefore = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} Opens the next socket. */
  #timer;

  /** @param {WebSocketClass} WebSocket */
  constructor(WebSocket) {
    this.#WebSocket = WebSocket;
  }

  /**
   * What a room takes for a class of sockets.
   *
   * @param {string | null} item
   * @returns {WebSocketClass}
   */
  socketOf(item) {
    const board = this;
    return class extends Seat {
      static isShared = true;

      /**
       * @param {string} url
       * @param {string[]} protocols
       */
      constructor(url, protocols) {
        super(board, item, new URL(url), protocols);
        board.enter(this);
      }
    };
  }

  /** @param {Seat} seat */
  enter(seat) {
    this.#seats.get(seat.item)?.end(1006, "");
    this.#seats.set(seat.item, seat);
    if (this.#socket === null) this.#openInTime();
    else if (this.#isOpen) {
      // Not before whoever made it listens, as with any socket.
      queueMicrotask(() => this.#seats.get(seat.item) === seat && this.#seat(seat));
    }
  }

  /** @param {Seat} seat */
  leave(seat) {
    this.#asking.delete(seat);
    if (this.#seats.get(seat.item) !== seat) return;
    this.#seats.delete(seat.item);
    if (this.#seats.size === 0) this.#hangUp();
    else if (this.#isOpen && seat.item !== null && seat.wasJoined) {
      this.#leaving.add(seat.item);
      this.#send({ type: "leave", item: seat.item });
    }
  }

  /**
   * A seat has given up its connection. A socket that says nothing to one says nothing to all: if
   * each found that out for itself, they would take turns at a socket that is dead.
   *
   * @param {Seat} seat
   */
  drop(seat) {
    const isMute = uptime() - this.#heardAt >= HASTE;
    if (this.#socket === null || !isMute || this.#seats.get(seat.item) !== seat) return this.leave(seat);
    this.#seats.delete(seat.item);
    const socket = this.#disown();
    if (socket.terminate) socket.terminate();
    else socket.close();
    this.#closed(1006, "");
  }

  /**
   * @param {Seat} seat
   * @param {string} text
   */
  say(seat, text) {
    if (text === PING) {
      // One is enough for all who wait for an answer.
      if (this.#asking.size === 0) this.#socket.send(PING);
      this.#asking.add(seat);
    } else if (seat.item === null || text.startsWith('{"type":"auth"')) this.#socket.send(text);
    else this.#socket.send(`{"item":"${seat.item}",${text.slice(1)}`);
  }

  #openInTime() {
    clearTimeout(this.#timer);
    const wait = this.#notBefore - uptime();
    const first = this.#first;
    if (wait > 0) this.#timer = setTimeout(() => this.#openInTime(), wait);
    else if (first) this.#open(first);
  }

  /** @param {Seat} first It shows who it is for all that come after it. */
  #open({ address, protocols }) {
    const url = new URL(address);
    url.pathname = url.pathname.replace(/(?:\/items\/[^/]+)?\/ws$/, "/ws");
    for (const name of ["after", "epoch", "tail"]) url.searchParams.delete(name);
    const socket = (this.#socket = new this.#WebSocket(url.href, protocols));
    this.#heardAt = uptime();
    socket.onmessage = (/** @type {{data: string}} */ { data }) => this.#received(data);
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) =>
      this.#closed(code, reason);
    socket.onerror = () => {};
  }

  #hangUp() {
    clearTimeout(this.#timer);
    if (this.#socket === null) return;
    const socket = this.#disown();
    this.#forget();
    socket.close();
  }

  /** The socket, of which nothing more is heard. */
  #disown() {
    const socket = this.#socket;
    socket.onmessage = socket.onclose = null;
    return socket;
  }

  #forget() {
    this.#socket = null;
    this.#isOpen = false;
    this.#leaving.clear();
    this.#asking.clear();
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    const seats = [...this.#seats.values()];
    if (!this.#isOpen) this.#notBefore = uptime() + Math.min(this.#backoff.next(), LONGEST_PAUSE);
    this.#seats.clear();
    // Who is told no more than that asks the server why: one of them is enough.
    const refused = this.#isOpen ? undefined : lost("lost");
    this.#forget();
    for (const seat of seats) seat.end(code, reason, seat === seats[0] ? undefined : refused);
  }

  /** @param {Seat} seat */
  #seat(seat) {
    if (seat.item === null) seat.open();
    else if (!this.#leaving.has(seat.item)) {
      seat.wasJoined = true;
      seat.open();
      this.#send({ type: "join", item: seat.item, ...seat.beginning });
    }
  }

  /** @param {object} frame */
  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  /** @param {string} data */
  #received(data) {
    this.#heardAt = uptime();
    const frame = JSON.parse(data);
    const { type, item } = frame;
    switch (type) {
      case "hello":
        this.#isOpen = true;
        this.#backoff.reset();
        for (const seat of [...this.#seats.values()]) this.#seat(seat);
        return;
      case "pong":
        for (const seat of this.#asking) seat.hear(SHARED_PONG);
        this.#asking.clear();
        return;
      case "welcome":
        // All that a room sends has its item besides.
        frame.limits.frame_bytes -= `"item":"${item.id}",`.length;
        return this.#seats.get(item.id)?.hear(JSON.stringify(frame));
      case "left":
        return this.#left(frame);
      case "inbox":
      case "watching":
        return this.#seats.get(null)?.hear(data);
      case "closing":
        for (const seat of [...this.#seats.values()]) seat.hear(data);
        return;
      case "error":
        // The item was left while this was on its way: it is said again when it is joined again.
        if (frame.code === "not_joined" || frame.code === "already_joined") return;
    }
    if (item === undefined) return this.#first?.hear(data);
    this.#seats.get(typeof item === "string" ? item : item.id)?.hear(data);
  }

  /** Who is told, and asked, what is the socket's: a token that is about to end, and its like. */
  get #first() {
    return this.#seats.values().next().value;
  }

  /** @param {any} frame */
  #left(frame) {
    const { item, reason, retry } = frame;
    this.#leaving.delete(item);
    const seat = this.#seats.get(item);
    if (!seat) return;
    if (!seat.wasJoined) return this.#seat(seat); // It waited for this.
    if (reason === undefined) return;
    this.#seats.delete(item);
    const code = retry === "later" ? 1013 : 1008;
    seat.hear(JSON.stringify({ ...frame, type: "closing", code }));
    seat.end(code, reason);
  }
}
