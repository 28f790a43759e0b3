// One connection after the other, and the waits between them.
import { LONGEST, uptime } from "./clock.js";
import { Backoff } from "./core/backoff.js";
import { Refused } from "./core/errors.js";
import { Credentials } from "./credentials.js";
import { askForDenial } from "./denials.js";
import { Line } from "./link.js";
import { onWaking } from "./waking.js";
/** @import { ServerFrame } from "./core/frames.js" */
/** @import { State, WebSocketClass } from "./options.js" */

const SUBPROTOCOL = "itemroom.v1.json";
/** As a subprotocol may be written; see RFC 9110, section 5.6.2. */
const HEADER_TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** Milliseconds for a sign of life after a tab woke or the network came back: somebody is looking. */
const WAKE_TIMEOUT = 5_000;

/** The way to the server: attempts, waits and verdicts. What frames say is the room's business. */
export class Connector {
  /** @type {State} */
  state = "connecting";
  /** @type {number | null} */
  retryAt = null;
  /** @type {Refused | null} */
  error = null;
  #url;
  #WebSocket;
  #credentials;
  #hooks;
  #backoff = new Backoff();
  /** @type {Line | null} Null between two connections. */
  #line = null;
  /** Moves with every attempt, so that what an earlier one has waited for comes to nothing. */
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} Set while waiting. */
  #timer;
  /** Milliseconds: the server asked not to come back earlier. */
  #notBefore = 0;
  /** A newer credential was asked for because the server refused one, and no `welcome` came. */
  #isAuthTried = false;
  #stopWaking;
  /** @type {string | null} The token of the newest handshake; null: it was a ticket. */
  #shown = null;
  /** @type {object | null} Set while the server is asked why it denied a handshake. */
  #question = null;

  /**
   * @param {URL} url
   * @param {WebSocketClass} WebSocket
   * @param {Credentials} credentials
   * @param {object} hooks
   * @param {() => object} hooks.beginning Where the log is to go on: the query.
   * @param {() => boolean} hooks.isIdle Whether a connection would be of no use now.
   * @param {() => boolean} hooks.isAwaited Whether a command waits for its answer.
   * @param {(frame: ServerFrame) => void} hooks.onFrame
   * @param {() => void} hooks.onDown The connection is gone.
   * @param {(state: State, reason: string | null, retryAt: number | null) => void} hooks.onState
   * @param {(refused: Refused) => void} hooks.onRefused It does not come back.
   */
  constructor(url, WebSocket, credentials, hooks) {
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#credentials = credentials;
    this.#hooks = hooks;
    // Without a network the way to this very machine still works: it is tried as ever.
    this.#stopWaking = onWaking(
      () => this.#wake(),
      () => this.#line && this.#ended("offline", null),
    );
  }

  /** Neither connected nor about to be. */
  get isResting() {
    return this.state === "waiting" && this.retryAt === null;
  }

  get isOver() {
    return this.state === "closed" || this.state === "refused";
  }

  /** Which connection this is: moves when it is given up. */
  get attempt() {
    return this.#attempt;
  }

  /** @param {object | string} frame Dropped unless there is a connection. */
  send(frame) {
    this.#line?.send(frame);
  }

  /** The server has let us in: whatever failed before is forgiven. */
  welcomed() {
    this.#backoff.reset();
    this.#isAuthTried = false;
    this.#question = null;
    this.error = null;
    this.become("resuming");
  }

  /** Stay under a newer credential, if there is one; else the next connection asks for it. */
  async renew() {
    const attempt = this.#attempt;
    const token = await this.#credentials.newerToken();
    if (token && attempt === this.#attempt) this.send({ type: "auth", token });
  }

  /**
   * Give up the connection, and connect as soon as the server allows.
   *
   * @param {string} reason
   */
  again(reason) {
    this.#hangUp();
    const wait = this.#notBefore - uptime();
    if (wait > 0) this.#wait(wait, reason);
    else this.connect(reason);
  }

  /**
   * Give up the connection for a while.
   *
   * @param {string} reason
   * @param {number} delay Milliseconds.
   */
  retreat(reason, delay) {
    this.#hangUp();
    this.#wait(delay, reason);
  }

  /**
   * Give up the connection until `again`.
   *
   * @param {string} reason
   */
  rest(reason) {
    this.#hangUp();
    this.become("waiting", reason);
  }

  /**
   * @param {"closed" | "refused"} state
   * @param {string} reason
   */
  end(state, reason) {
    this.#hangUp({ politely: true });
    this.#stopWaking();
    this.become(state, reason);
  }

  /**
   * @param {State} state
   * @param {string | null} [reason]
   * @param {number | null} [retryAt]
   */
  become(state, reason = null, retryAt = null) {
    const isNews = state !== this.state || retryAt !== this.retryAt;
    this.state = state;
    this.retryAt = retryAt;
    if (isNews) this.#hooks.onState(state, reason, retryAt);
  }

  /** @param {string | null} [reason] */
  async connect(reason = null) {
    const attempt = ++this.#attempt;
    this.become("connecting", reason);
    let credential;
    try {
      credential = await this.#credentials.get();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof Refused) this.#refuse(error);
      else this.#wait(this.#backoff.next(), "no_token");
      return;
    }
    if (attempt === this.#attempt) this.#open(credential);
  }

  /** @param {{token?: string, ticket?: string}} credential */
  #open({ token, ticket }) {
    const url = new URL(this.#url);
    const protocols = [SUBPROTOCOL];
    for (const [name, value] of Object.entries(this.#hooks.beginning())) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
    }
    if (ticket) url.searchParams.set("ticket", ticket);
    // Addresses end up in the logs of proxies, headers do not.
    if (token && HEADER_TOKEN.test(token)) protocols.push(`bearer.${token}`);
    else if (token) url.searchParams.set("token", token);
    this.#shown = ticket ? null : (token ?? "");
    const { onFrame, isAwaited } = this.#hooks;
    const onEnd = this.#gone.bind(this);
    try {
      this.#line = new Line(this.#WebSocket, url.href, protocols, onFrame, onEnd, isAwaited);
    } catch (error) {
      // An insecure address on a secure page, for example.
      this.#refuse(new Refused("malformed", error instanceof Error ? error.message : ""));
    }
  }

  /** @param {{politely?: boolean}} [options] */
  #hangUp(options) {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#line?.drop(options);
    this.#line = null;
    this.#hooks.onDown();
  }

  /**
   * @param {number} delay Milliseconds.
   * @param {string} reason
   */
  #wait(delay, reason) {
    const wait = Math.min(delay, LONGEST);
    this.become("waiting", reason, Math.round(Date.now() + wait));
    this.#timer = setTimeout(() => this.connect(reason), wait);
  }

  /** The tab woke, or the network is back. */
  #wake() {
    if (this.#line) this.#line.check(WAKE_TIMEOUT);
    else if (this.retryAt !== null && uptime() >= this.#notBefore) {
      clearTimeout(this.#timer);
      this.connect("wake");
    }
  }

  /**
   * @param {string} reason
   * @param {Refused | null} refused
   */
  #gone(reason, refused) {
    if (reason === "unreachable") {
      this.#ended(reason, refused);
      this.#ask(() => {});
    } else if (reason.startsWith("http_")) this.#ask(() => this.#ended(reason, refused));
    else this.#ended(reason, refused);
  }

  /**
   * Browsers say nothing about a handshake that was denied: its code is asked for. What the answer
   * says holds until a `welcome`, whatever was tried meanwhile.
   *
   * @param {() => void} orElse When there is no answer.
   */
  async #ask(orElse) {
    if (this.#shown === null || this.#question) return orElse();
    const question = (this.#question = {});
    const told = await askForDenial(this.#url, this.#shown);
    if (question !== this.#question || this.isOver) return;
    this.#question = null;
    if (told) this.#ended(told.code, told);
    else orElse();
  }

  /**
   * @param {string} reason
   * @param {Refused | null} refused
   */
  #ended(reason, refused) {
    this.#hangUp();
    this.error = refused;
    if (refused && !this.#mayRetry(refused)) return this.#refuse(refused);
    const least = (refused?.retryAfter ?? 0) * 1000;
    this.#notBefore = uptime() + least;
    if (this.#hooks.isIdle()) this.rest("buffer_full");
    else this.#wait(least + this.#backoff.next(), reason);
  }

  /** @param {Refused} refused */
  #mayRetry({ retry }) {
    if (retry !== "after_auth") return retry !== "never";
    if (!this.#credentials.canRenew || this.#isAuthTried) return false;
    return (this.#isAuthTried = true);
  }

  /** @param {Refused} refused */
  #refuse(refused) {
    this.error = refused;
    this.#hooks.onRefused(refused);
  }
}
