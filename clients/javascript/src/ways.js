// By which way a room is connected: by a WebSocket, or where none gets through by events.
import { uptime } from "./clock.js";
import { SUBPROTOCOL } from "./core/paths.js";
import { EventsSocket } from "./events.js";
/** @import { Refused } from "./core/errors.js" */
/** @import { Transport, WebSocketClass } from "./options.js" */

/** As a subprotocol may be written; see RFC 9110, section 5.6.2. */
const HEADER_TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** Milliseconds for which no socket is tried where none got through. */
const MEMORY = 300_000;
/** Sockets that end unexplained, while HTTP works, until events are taken: one may be a restart. */
export const ATTEMPTS = 2;

/** @type {Map<string, number>} Until when, by the server's host: for all rooms of a page. */
const barred = new Map();

/** Whether no socket got through to this server a while ago. @param {URL} url */
export const areBarred = (url) => uptime() < (barred.get(url.host) ?? -Infinity);

/** No socket gets through to this server, although HTTP does. @param {URL} url */
export const bar = (url) => barred.set(url.host, uptime() + MEMORY);

/** What opens one connection after the other. */
export class Ways {
  #url;
  #WebSocket;
  #transport;
  /** In a row, of sockets that said nothing. */
  #failures = 0;
  /** @type {"websocket" | "events"} That of the newest connection. */
  taken = "websocket";

  /**
   * @param {URL} url The room's.
   * @param {WebSocketClass} WebSocket
   * @param {Transport} transport
   */
  constructor(url, WebSocket, transport) {
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#transport = transport;
  }

  /**
   * A connection, as a `WebSocket`.
   *
   * @param {Record<string, string>} query
   * @param {{token?: string, ticket?: string}} credential
   */
  open(query, { token, ticket }) {
    this.taken = this.#areEventsDue(ticket) ? "events" : "websocket";
    if (this.taken === "websocket") return this.#openSocket(query, token, ticket);
    if (ticket) throw new TypeError("by events a room needs a token: a ticket is good for one request");
    return new EventsSocket(this.#url, query, token ?? "");
  }

  /** Whether another way may be taken, if this one fails. */
  get mayChange() {
    return this.#transport === "auto" && this.taken === "websocket";
  }

  /** Codes of a connection without a word, after which the server is asked why. */
  get asked() {
    if (!this.mayChange) return ["unreachable"];
    // Of many at one socket, one is told no more than that: it asks for all.
    return /** @type {any} */ (this.#WebSocket).isShared ? ["unreachable", "silent"] : ["unreachable", "lost", "silent"];
  }

  /** Something came by the newest connection. */
  heard() {
    if (this.taken === "events") return;
    this.#failures = 0;
    barred.delete(this.#url.host);
  }

  /**
   * The newest connection ended without a word, while HTTP works; whether another way is taken now.
   *
   * @param {Refused} refused
   */
  isBarred({ code, retry }) {
    if (!this.mayChange) return false;
    // A status that is no passing one, or a handshake that hung so long, was no accident.
    this.#failures += retry === "never" || code === "silent" ? ATTEMPTS : 1;
    if (this.#failures < ATTEMPTS) return false;
    bar(this.#url);
    return true;
  }

  /** @param {string | undefined} ticket */
  #areEventsDue(ticket) {
    if (this.#transport !== "auto") return this.#transport === "events";
    return !ticket && areBarred(this.#url);
  }

  /**
   * @param {Record<string, string>} query
   * @param {string} [token]
   * @param {string} [ticket]
   */
  #openSocket(query, token, ticket) {
    const url = new URL(this.#url);
    const protocols = [SUBPROTOCOL];
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    if (ticket) url.searchParams.set("ticket", ticket);
    // Addresses end up in the logs of proxies, headers do not.
    if (token && HEADER_TOKEN.test(token)) protocols.push(`bearer.${token}`);
    else if (token) url.searchParams.set("token", token);
    return new this.#WebSocket(url.href, protocols);
  }
}
