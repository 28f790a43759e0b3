// One connection after the other, and the waits between them.
import { LONGEST, uptime } from "./clock.js";
import { LOSSES, lost, Refused } from "./core/errors.js";
import { askForDenial } from "./denials.js";
import { Link } from "./link.js";
import { onWaking, WAKE_TIMEOUT } from "./waking.js";
/** @import { Happening } from "./core/entries.js" */
/** @import { Talk } from "./core/talk.js" */
/** @import { Credentials } from "./credentials.js" */
/** @import { State } from "./options.js" */
/** @import { Ways } from "./ways.js" */

/** The way to the server: attempts, and the waits between them. */
export class Keeper {
  /** @type {State} */
  state = "connecting";
  /** @type {number | null} */
  retryAt = null;
  /** @type {Refused | null} */
  error = null;
  #url;
  #ways;
  #session;
  #credentials;
  #hooks;
  /** @type {Link | null} Null between two connections. */
  #link = null;
  /** Moves with every attempt, so that what an earlier one has waited for comes to nothing. */
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} Set while waiting. */
  #timer;
  /** Milliseconds: the server asked not to come back earlier. */
  #notBefore = 0;
  #stopWaking;
  /** @type {string | null} The token of the newest handshake; null: it was a ticket. */
  #shown = null;
  /** @type {object | null} Set while the server is asked why it denied a handshake. */
  #question = null;

  /**
   * @param {URL} url
   * @param {Ways} ways
   * @param {Talk} session
   * @param {Credentials} credentials
   * @param {object} hooks
   * @param {(event: Happening) => void} hooks.onEvent
   * @param {(state: State, reason: string | null, retryAt: number | null) => void} hooks.onState
   * @param {(refused: Refused) => void} hooks.onRefused It does not come back.
   */
  constructor(url, ways, session, credentials, hooks) {
    this.#url = url;
    this.#ways = ways;
    this.#session = session;
    this.#credentials = credentials;
    this.#hooks = hooks;
    // Without a network the way to this very machine still works: it is tried as ever.
    this.#stopWaking = onWaking(
      () => this.#wake(),
      () => this.#link && this.#ended(lost("offline")),
    );
  }

  /** Neither connected nor about to be. */
  get #isResting() {
    return this.state === "waiting" && this.retryAt === null;
  }

  get isOver() {
    return this.state === "closed" || this.state === "refused";
  }

  /** There may be something to send. */
  pump() {
    // The connection may have been given up because nobody read.
    if (this.#isResting && this.#session.hasWork) this.again("command");
    else this.#link?.pump();
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
   * @param {"closed" | "refused"} state
   * @param {string} reason
   */
  end(state, reason) {
    this.#hangUp({ politely: true });
    this.#stopWaking();
    this.#become(state, reason);
  }

  /** @param {string | null} [reason] */
  async connect(reason = null) {
    const attempt = ++this.#attempt;
    this.#become("connecting", reason);
    let credential;
    try {
      credential = await this.#credentials.get();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof Refused) this.#refuse(error);
      else this.#wait(this.#session.ended(lost("no_token")), "no_token");
      return;
    }
    if (attempt === this.#attempt) this.#open(credential);
  }

  /**
   * @param {State} state
   * @param {string | null} [reason]
   * @param {number | null} [retryAt]
   */
  #become(state, reason = null, retryAt = null) {
    const isNews = state !== this.state || retryAt !== this.retryAt;
    this.state = state;
    this.retryAt = retryAt;
    if (isNews) this.#hooks.onState(state, reason, retryAt);
  }

  /** @param {{token?: string, ticket?: string}} credential */
  #open(credential) {
    const { token, ticket } = credential;
    this.#shown = ticket ? null : (token ?? "");
    const tell = this.#happened.bind(this);
    const ended = this.#gone.bind(this);
    try {
      const socket = this.#ways.open(this.#session.cursor.query(), credential);
      this.#link = new Link(socket, this.#session, tell, ended);
    } catch (error) {
      // An insecure address on a secure page, for example.
      this.#refuse(new Refused("malformed", error instanceof Error ? error.message : ""));
    }
  }

  /** @param {{politely?: boolean}} [options] */
  #hangUp(options) {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#link?.drop(options);
    this.#link = null;
    this.#session.dropped();
  }

  /**
   * @param {number} delay Milliseconds.
   * @param {string} reason
   */
  #wait(delay, reason) {
    const wait = Math.min(delay, LONGEST);
    // Before it is told: who hears of it may not want to wait.
    this.#timer = setTimeout(() => this.connect(reason), wait);
    this.#become("waiting", reason, Math.round(Date.now() + wait));
  }

  /** The tab woke, or the network is back. */
  #wake() {
    if (this.#link) this.#link.check(WAKE_TIMEOUT);
    else if (this.retryAt !== null && uptime() >= this.#notBefore) {
      clearTimeout(this.#timer);
      this.connect("wake");
    }
  }

  /** @param {Happening} event */
  #happened(event) {
    if (event.type === "welcome") this.#welcomed();
    if (event.type === "live") this.#become("live");
    this.#hooks.onEvent(event);
    if (event.type === "expiring") this.#renew();
  }

  /** The server has let us in: whatever failed before is forgiven. */
  #welcomed() {
    this.#question = null;
    this.error = null;
    this.#ways.heard();
    this.#become("resuming");
  }

  /** Stay under a newer credential, if there is one; else the next connection asks for it. */
  async #renew() {
    const attempt = this.#attempt;
    const token = await this.#credentials.newerToken();
    if (!token || attempt !== this.#attempt) return;
    this.#session.renew(token);
    this.#link?.pump();
  }

  /** @param {Refused} refused */
  #gone(refused) {
    const isMute = !this.#link?.wasHeard;
    if (isMute && this.#ways.asked.includes(refused.code)) {
      this.#ended(refused);
      this.#ask(refused, () => {});
    } else if (isMute && (refused.retry === "never" || isBare(refused))) {
      this.#ask(refused, () => this.#ended(refused));
    } else this.#ended(refused);
  }

  /**
   * Browsers say nothing about a handshake that was denied: its code is asked for. What the answer
   * says holds until a `welcome`, whatever was tried meanwhile.
   *
   * @param {Refused} refused
   * @param {() => void} orElse When there is no answer, or it explains nothing.
   */
  async #ask(refused, orElse) {
    if (this.#shown === null || this.#question) return orElse();
    const question = (this.#question = {});
    const told = await askForDenial(this.#url, this.#shown);
    if (question !== this.#question || this.isOver) return;
    this.#question = null;
    // What the server has said of a handshake itself stands.
    if (told instanceof Refused && (isBare(refused) || LOSSES.has(refused.code))) this.#ended(told);
    else if (told === "none" && this.#ways.isBarred(refused)) this.again("events");
    else orElse();
  }

  /** @param {Refused} refused */
  #ended(refused) {
    this.#hangUp();
    this.error = LOSSES.has(refused.code) ? null : refused;
    if (refused.code === "buffer_full") return this.#rest();
    let wait;
    try {
      wait = this.#session.ended(refused);
    } catch {
      return this.#refuse(refused);
    }
    this.#notBefore = uptime() + (refused.retryAfter ?? 0) * 1000;
    if (this.#isIdle) this.#rest();
    else this.#wait(wait, refused.code);
  }

  /** Nobody reads. Commands go on: whoever reads may be waiting for the answer to one. */
  #rest() {
    if (this.#isIdle) this.#become("waiting", "buffer_full");
    else this.again("buffer_full");
  }

  /** Whether a connection would be of no use now. */
  get #isIdle() {
    return this.#session.cursor.isDeaf && !this.#session.hasWork;
  }

  /** @param {Refused} refused */
  #refuse(refused) {
    this.error = refused;
    this.#hooks.onRefused(refused);
  }
}

/** Whether it is a status without a problem: not the server's, perhaps. @param {Refused} refused */
const isBare = ({ code }) => code.startsWith("http_");
