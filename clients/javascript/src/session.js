// One socket for the rooms of many items, and what is new in all of them.
import { Refused } from "./core/errors.js";
import { Inbox } from "./inbox.js";
import { Room } from "./room.js";
import { Switchboard } from "./switchboard.js";
/** @import { ByGetToken, ByToken, Credential, RoomSettings, WebSocketClass } from "./options.js" */

/** Milliseconds for which a token serves all rooms that ask for one at the same time. */
const TOKEN_SHARED = 1_000;

/**
 * @typedef {object} SessionSettings
 * @property {WebSocketClass} [WebSocket] Default: `globalThis.WebSocket`.
 * @property {"all" | "changes"} [inbox] Whether `inbox` begins with all items, or knows only of those
 *   that change. Default: all.
 * @property {"auto" | "websocket"} [transport] `auto`: where no socket gets through although HTTP does,
 *   each room has events and requests, and the inbox asks every few seconds. Default: auto.
 *
 * @typedef {SessionSettings & (ByToken | ByGetToken)} SessionOptions
 * @typedef {Omit<RoomSettings, "item" | "WebSocket" | "transport">} SeatOptions
 */

/**
 * Somebody's rooms by one socket, which is there as long as one of them is used, or the inbox.
 *
 * @example
 * const session = new Session("https://rooms.example.com", { token });
 * const room = session.room("order-17");
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export class Session {
  #url;
  #credentials;
  #switchboard;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Inbox | null} */
  #inbox = null;
  #isListed;
  #transport;
  #isClosed = false;

  /**
   * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
   * @param {SessionOptions} [options] Without a credential the session cookie counts.
   */
  constructor(url, options = {}) {
    const { token, getToken, inbox = "all", transport = "auto", WebSocket = globalThis.WebSocket } = options;
    if (!WebSocket) throw new TypeError("there is no WebSocket here: hand one in");
    if (!["auto", "websocket"].includes(transport)) throw new TypeError(`not a transport: ${transport}`);
    this.#url = String(url);
    this.#credentials = getToken ? { getToken: askedOnce(getToken) } : { token };
    this.#isListed = inbox === "all";
    this.#transport = transport;
    this.#switchboard = new Switchboard(WebSocket);
  }

  /**
   * An item's room: like any other, but that it shares the socket. Close it to leave.
   *
   * @param {string} item
   * @param {SeatOptions} [options]
   * @returns {Room} Throws `Refused` (`already_joined`) while there is one that is not closed.
   */
  room(item, options = {}) {
    if (this.#isClosed) throw new Refused("closed", "The session was closed.");
    if (this.#rooms.has(item)) {
      throw new Refused("already_joined", "Close the item's room before you open another one.");
    }
    const WebSocket = this.#switchboard.socketOf(item);
    const given = /** @type {any} */ ({ ...options, ...this.#credentials, item, WebSocket, transport: this.#transport });
    const room = new Room(this.#url, given);
    this.#rooms.set(item, room);
    room.addEventListener("state", ({ detail: { state } }) => {
      if (state === "closed" || state === "refused") this.#rooms.delete(item);
    });
    return room;
  }

  /** What is new in all items; it is asked for when this is first used. */
  get inbox() {
    if (this.#inbox === null) {
      if (this.#isClosed) throw new Refused("closed", "The session was closed.");
      const socket = this.#switchboard.socketOf(null);
      this.#inbox = new Inbox(this.#url, socket, this.#credentials, {
        isListed: this.#isListed,
        mayPoll: this.#transport === "auto",
      });
    }
    return this.#inbox;
  }

  /** Leave all rooms. */
  close() {
    this.#isClosed = true;
    for (const room of [...this.#rooms.values()]) room.close();
    this.#inbox?.close();
  }
}

/**
 * One question for all rooms that come back at once.
 *
 * @param {() => Credential | Promise<Credential>} getToken
 */
function askedOnce(getToken) {
  /** @type {Promise<Credential> | null} */
  let answer = null;
  return () => {
    if (answer === null) {
      answer = Promise.resolve(getToken());
      const forget = () => setTimeout(() => (answer = null), TOKEN_SHARED);
      answer.then(forget, forget);
    }
    return answer;
  };
}
