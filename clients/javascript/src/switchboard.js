// Many rooms at one socket: each has one of its own, as far as it can tell.
import { uptime } from "./clock.js";
import { Backoff } from "./core/backoff.js";
import { lost } from "./core/errors.js";
/** @import { Refused } from "./core/errors.js" */
/** @import { WebSocketClass } from "./options.js" */

const SHARED_PING = '{"type":"ping"}';
const SHARED_PONG = '{"type":"pong","head":0}';
/** Milliseconds at most between two sockets that come to nothing: a room waits no longer for a word. */
const LONGEST_PAUSE = 5_000;
const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/**
 * The socket behind them. It is opened by the first that needs it, with what that shows of who it
 * is, and closed after the last.
 */
export class Switchboard {
  #WebSocket;
  /** @type {any} The real one; null: there is none. */
  #socket = null;
  #isOpen = false;
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
   * @param {Seat} seat
   * @param {string} text
   */
  say(seat, text) {
    if (text === SHARED_PING) {
      // One is enough for all who wait for an answer.
      if (this.#asking.size === 0) this.#socket.send(SHARED_PING);
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
    socket.onmessage = (/** @type {{data: string}} */ { data }) => this.#received(data);
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) =>
      this.#closed(code, reason);
    socket.onerror = () => {};
  }

  #hangUp() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === null) return;
    socket.onmessage = socket.onclose = null;
    this.#forget();
    socket.close();
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

/** What a room has for a socket. */
class Seat {
  #board;
  #state = CONNECTING;
  item;
  address;
  protocols;
  /** Whether the server was asked for it. */
  wasJoined = false;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {((event: object) => void) | null} */
  onopen = null;
  /** @type {((event: {code: number, reason: string, refused?: Refused}) => void) | null} */
  onclose = null;
  /** @type {((event: object) => void) | null} */
  onerror = null;

  /**
   * @param {Switchboard} board
   * @param {string | null} item
   * @param {URL} address Of an item's own socket, with its query.
   * @param {string[]} protocols
   */
  constructor(board, item, address, protocols) {
    this.#board = board;
    this.item = item;
    this.address = address;
    this.protocols = protocols;
  }

  get readyState() {
    return this.#state;
  }

  /** Where in the log the room wants to begin. */
  get beginning() {
    const { searchParams: query } = this.address;
    const after = query.get("after");
    const tail = query.get("tail");
    return {
      ...(after === null ? {} : { after: Number(after), epoch: query.get("epoch") }),
      ...(tail === null ? {} : { tail: Number(tail) }),
    };
  }

  /** @param {string} text */
  send(text) {
    if (this.#state === OPEN) this.#board.say(this, text);
  }

  close() {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#board.leave(this);
  }

  open() {
    this.#state = OPEN;
    this.onopen?.({});
  }

  /** @param {string} data */
  hear(data) {
    this.onmessage?.({ data });
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {Refused} [refused] What is to be made of it, if it is not what these say.
   */
  end(code, reason, refused) {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.onclose?.({ code, reason, refused });
  }
}
