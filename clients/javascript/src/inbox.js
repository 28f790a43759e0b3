// What is new in somebody's items, kept current.
import { uptime } from "./clock.js";
import { Backoff } from "./core/backoff.js";
import { lost, Refused } from "./core/errors.js";
import { SUBPROTOCOL } from "./core/paths.js";
import { PING, Silence } from "./core/silence.js";
import { closed, closing } from "./core/verdicts.js";
import { Credentials } from "./credentials.js";
import { listed, Looks } from "./polling.js";
import { onWaking, WAKE_TIMEOUT } from "./waking.js";
import { areBarred, ATTEMPTS, bar } from "./ways.js";
/** @import { InboxItem } from "./core/frames.js" */
/** @import { WebSocketClass } from "./options.js" */

/** Milliseconds between two looks, where no socket gets through. */
const LOOK_EVERY = 5_000;

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
  #mayPoll;
  /** Sockets in a row that said nothing. */
  #failures = 0;
  #wasHeard = false;
  /** @type {string | undefined} Of the newest attempt. */
  #token;
  #looks;

  /**
   * @param {string} url
   * @param {WebSocketClass} WebSocket
   * @param {any} credentials
   * @param {object} options
   * @param {boolean} options.isListed Whether it begins with all items.
   * @param {boolean} options.mayPoll Whether it asks, where no socket gets through.
   */
  constructor(url, WebSocket, credentials, { isListed, mayPoll }) {
    super();
    this.#isListed = isListed;
    this.#mayPoll = mayPoll;
    const server = new URL(url, globalThis.location?.href);
    server.protocol = server.protocol.replace("ws", "http");
    server.pathname = `${server.pathname.replace(/\/+$/, "")}/inbox`;
    this.#url = server;
    this.#looks = new Looks(server);
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
      this.#token = token;
      if (this.#mayPoll && (this.#failures >= ATTEMPTS || areBarred(this.#url))) return await this.#poll(token);
      if (this.#since === null && this.#isListed) await this.#list(token);
      if (!this.#isClosed) this.#watch(token);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The first list. @param {string} [token] */
  async #list(token) {
    const { at, items } = await listed(this.#url, token);
    for (const item of items) this.items.set(item.item.id, item);
    this.#since = at;
  }

  /** A look by HTTP, which works where no socket gets through, or else says why not. @param {string} [token] */
  async #poll(token) {
    const since = this.#since;
    const isFirst = !this.isReady;
    const isNews = (/** @type {InboxItem} */ { active_at }) =>
      this.#isListed || !isFirst || (since !== null && active_at >= since);
    const { at, changed } = await this.#looks.look(token, this.items, isNews);
    if (this.#isClosed) return;
    if (this.#failures >= ATTEMPTS) bar(this.#url);
    this.#failures = 0;
    this.#since = at;
    for (const item of changed) this.#received({ type: "inbox", ...item });
    if (isFirst) this.#received({ type: "watching", at });
    this.#again(LOOK_EVERY);
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
    this.#wasHeard = false;
    socket.onmessage = (/** @type {{data: string}} */ { data }) => {
      this.#wasHeard = true;
      this.#failures = 0;
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
    if (this.#socket && !this.#wasHeard && this.#mayPoll) this.#wonder(error);
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
    this.#again(Math.max(least, this.#backoff.next()));
  }

  /**
   * A socket has ended without a word. If HTTP works at the same time, it was not the server's end.
   *
   * @param {unknown} error
   */
  async #wonder(error) {
    try {
      await listed(this.#url, this.#token, 1);
    } catch {
      return;
    }
    // A handshake that hung so long was no accident.
    this.#failures += error instanceof Refused && error.code === "silent" ? ATTEMPTS : 1;
  }

  /** @param {number} wait Milliseconds. */
  #again(wait) {
    this.#isWaiting = true;
    this.#timer = setTimeout(() => this.#connect(), wait);
  }
}
