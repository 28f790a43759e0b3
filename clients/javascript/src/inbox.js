// What is new in somebody's items, kept current.
import { uptime } from "./clock.js";
import { Backoff } from "./core/backoff.js";
import { lost, Refused } from "./core/errors.js";
import { SUBPROTOCOL } from "./core/paths.js";
import { PING, Silence } from "./core/silence.js";
import { closed, closing, denied } from "./core/verdicts.js";
import { Credentials } from "./credentials.js";
import { onWaking, WAKE_TIMEOUT } from "./waking.js";
/** @import { InboxItem } from "./core/frames.js" */
/** @import { WebSocketClass } from "./options.js" */

/** Items on a page of the first list. */
const PAGE = 100;

/**
 * @typedef {object} InboxEvents
 * @property {InboxItem} item One is new, or another; `role` null: it is not yours any more.
 * @property {undefined} ready All that the server has said until now is in `items`.
 * @property {Refused} refused It does not come back.
 */

/** All items of a user with what is new in them; changes are `item` events. */
export class Inbox extends EventTarget {
  /** @type {Map<string, InboxItem>} By id; the newest activity is not the first. */
  items = new Map();
  /** Whether `items` is what the server has; not while there is no connection. */
  isReady = false;
  /** @type {Refused | null} */
  error = null;
  #url;
  #WebSocket;
  #credentials;
  #backoff = new Backoff();
  /** @type {any} */
  #socket = null;
  /** @type {string | null} Since when the server has to say what has changed. */
  #since = null;
  #silence = new Silence();
  /** @type {ReturnType<typeof setTimeout> | undefined} Looks for signs of life, or ends a wait. */
  #timer;
  /** Between two attempts. */
  #isWaiting = false;
  /** Milliseconds: the server asked not to come back earlier. */
  #notBefore = -Infinity;
  #stopWaking;
  #isClosed = false;
  #isListed;

  /**
   * @param {string} url
   * @param {WebSocketClass} WebSocket
   * @param {any} credentials
   * @param {boolean} isListed Whether it begins with all items.
   */
  constructor(url, WebSocket, credentials, isListed) {
    super();
    this.#isListed = isListed;
    const server = new URL(url, globalThis.location?.href);
    server.protocol = server.protocol.replace("ws", "http");
    server.pathname = `${server.pathname.replace(/\/+$/, "")}/inbox`;
    this.#url = server;
    this.#WebSocket = WebSocket;
    this.#credentials = new Credentials(credentials);
    this.#stopWaking = onWaking(
      () => this.#wake(),
      () => this.#socket && this.#lose(lost("offline")),
    );
    this.#connect();
  }

  /** Messages that are not read, and those that name you, in all items. */
  get totals() {
    let unread = 0;
    let mentions = 0;
    for (const item of this.items.values()) {
      unread += item.unread;
      mentions += item.mentions;
    }
    return { unread, mentions };
  }

  /**
   * @template {keyof InboxEvents} K
   * @overload
   * @param {K} type
   * @param {((event: CustomEvent<InboxEvents[K]>) => void) | null} listener
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {EventListenerOrEventListenerObject | null} listener
   * @returns {void}
   */
  /**
   * @param {string} type
   * @param {any} listener
   */
  addEventListener(type, listener) {
    super.addEventListener(type, listener);
  }

  close() {
    this.#finish();
    this.#socket?.close();
    this.#socket = null;
  }

  #finish() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stopWaking();
  }

  async #connect() {
    this.#isWaiting = false;
    try {
      const { token } = await this.#credentials.get();
      if (this.#since === null && this.#isListed) this.#since = await this.#list(token);
      if (!this.#isClosed) this.#watch(token);
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * The first list; when it was asked for.
   *
   * @param {string} [token]
   */
  async #list(token) {
    const url = new URL(this.#url);
    url.searchParams.set("limit", String(PAGE));
    /** @type {string | null} */
    let at = null;
    for (;;) {
      const answer = await fetch(url, {
        headers: token ? { Authorization: `Bearer ${token}` } : {},
        credentials: token ? "omit" : "include",
      });
      const text = await answer.text();
      if (!answer.ok) throw denied(answer.status, text, answer.headers.get("Retry-After"));
      const page = JSON.parse(text);
      at ??= page.at;
      for (const item of page.items) this.items.set(item.item.id, item);
      if (page.next === null) return at;
      url.searchParams.set("after", page.next);
    }
  }

  /** @param {string} [token] */
  #watch(token) {
    const url = new URL(this.#url);
    url.protocol = url.protocol.replace("http", "ws");
    url.pathname = url.pathname.replace(/inbox$/, "ws");
    const protocols = token ? [SUBPROTOCOL, `bearer.${token}`] : [SUBPROTOCOL];
    const socket = (this.#socket = new this.#WebSocket(url.href, protocols));
    /** @type {Refused | null} */
    let told = null;
    const watch = { type: "watch", ...(this.#since === null ? {} : { since: this.#since }) };
    socket.onopen = () => socket.send(JSON.stringify(watch));
    socket.onmessage = (/** @type {{data: string}} */ { data }) => {
      this.#silence.heard(uptime());
      const frame = JSON.parse(data);
      if (frame.type === "closing") told = closing(frame);
      else if (frame.type === "expiring") this.#renew(socket);
      else this.#received(frame);
    };
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) =>
      this.#failed(told ?? closed(code, reason));
    this.#silence.begin(uptime());
    this.#look();
  }

  /** Whether it still works, and when to look again. */
  #look() {
    const now = uptime();
    try {
      this.#silence.check(now);
    } catch (error) {
      return this.#lose(error);
    }
    const { isPingDue, wait } = this.#silence.watch(now, false);
    if (isPingDue) this.#socket.send(PING);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), Math.ceil(wait));
  }

  /** The tab woke, or the network is back. */
  #wake() {
    if (this.#socket?.readyState === 1) {
      this.#silence.asked(uptime(), WAKE_TIMEOUT);
      this.#socket.send(PING);
      this.#look();
    } else if (this.#isWaiting && uptime() >= this.#notBefore) {
      clearTimeout(this.#timer);
      this.#connect();
    }
  }

  /** @param {unknown} error Why the connection is given up. */
  #lose(error) {
    const socket = this.#socket;
    socket.onmessage = socket.onclose = null;
    if (socket.terminate) socket.terminate();
    else socket.close();
    this.#failed(error);
  }

  /**
   * Where there are rooms, one of them may be asked as well: a newer token is taken twice.
   *
   * @param {any} socket
   */
  async #renew(socket) {
    const token = await this.#credentials.newerToken();
    if (token) socket.send(JSON.stringify({ type: "auth", token }));
  }

  /** @param {any} frame */
  #received({ type, ...fields }) {
    if (type === "inbox") {
      if (fields.role === null) this.items.delete(fields.item.id);
      else this.items.set(fields.item.id, fields);
      this.dispatchEvent(new CustomEvent("item", { detail: fields }));
    } else if (type === "watching") {
      this.#since = fields.at;
      this.#backoff.reset();
      this.isReady = true;
      this.dispatchEvent(new CustomEvent("ready"));
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#socket = null;
    this.isReady = false;
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    if (error instanceof Refused && error.retry !== "later") {
      this.error = error;
      this.#finish();
      this.dispatchEvent(new CustomEvent("refused", { detail: error }));
      return;
    }
    const least = error instanceof Refused ? (error.retryAfter ?? 0) * 1000 : 0;
    this.#notBefore = uptime() + least;
    this.#isWaiting = true;
    this.#timer = setTimeout(() => this.#connect(), Math.max(least, this.#backoff.next()));
  }
}
