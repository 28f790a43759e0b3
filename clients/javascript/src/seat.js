// What a room has for a socket, where it shares one.
/** @import { Refused } from "./core/errors.js" */
/** @import { Switchboard } from "./switchboard.js" */

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** A place at a switchboard, used like a WebSocket. */
export class Seat {
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

  /** Leave without a goodbye, as of a socket that is lost. */
  terminate() {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#board.drop(this);
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
