// One connection: the core's hands and ears.
import { LONGEST, uptime } from "./clock.js";
import { lost, Refused } from "./core/errors.js";
import { closed, denied } from "./core/verdicts.js";
/** @import { Happening } from "./core/entries.js" */
/** @import { Talk } from "./core/talk.js" */

/** Bytes of the answer to a handshake that are read: a problem is far smaller. */
const MAX_ANSWER = 65_536;

/** One WebSocket, from the attempt to its end, which is told exactly once. */
export class Link {
  /** @type {any} */
  #socket;
  #session;
  #tell;
  /** @type {((refused: Refused) => void) | null} Null when it was told. */
  #ended;
  #wasOpen = false;
  /** Whether anything came. */
  wasHeard = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} Asks the session what is due. */
  #timer;
  #firesAt = Infinity;

  /**
   * @param {any} socket A `WebSocket`, or what is used like one; it has only just been made.
   * @param {Talk} session
   * @param {(event: Happening) => void} tell
   * @param {(refused: Refused) => void} ended
   */
  constructor(socket, session, tell, ended) {
    this.#session = session;
    this.#tell = tell;
    this.#ended = ended;
    this.#socket = socket;
    socket.onmessage = (/** @type {{data: unknown}} */ event) => this.#received(event.data);
    socket.onopen = () => (this.#wasOpen = true);
    socket.onclose = (/** @type {{code: number, reason: string, refused?: Refused}} */ told) => {
      // One that is no WebSocket knows more.
      if (told.refused) return this.#end(told.refused);
      const refused = closed(told.code, told.reason);
      this.#end(this.#wasOpen || refused.retry === "never" ? refused : lost("unreachable"));
    };
    // What went wrong is said by the close that follows; unheard, `ws` would throw it.
    socket.onerror = () => {};
    if (typeof socket.on === "function") this.#watchHandshake(socket);
    session.connected(uptime());
    this.pump();
  }

  /** Send what is due. */
  pump() {
    if (this.#ended === null) return;
    let due;
    try {
      due = this.#session.outgoing(uptime());
    } catch (error) {
      this.#end(/** @type {Refused} */ (error));
      return;
    }
    // Closing already, it takes nothing any more; what was to be stored is sent again.
    if (this.#socket.readyState === 1) for (const text of due.texts) this.#socket.send(text);
    this.#arm(due.wait);
  }

  /**
   * Ask for a sign of life.
   *
   * @param {number} patience
   */
  check(patience) {
    if (this.#socket.readyState === 0 || this.#ended === null) return; // It has a deadline already.
    this.#session.ask(uptime(), patience);
    this.pump();
  }

  /**
   * End it without a word to whoever listens.
   *
   * @param {{politely?: boolean}} [options]
   */
  drop({ politely = false } = {}) {
    this.#ended = null;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.onmessage = null;
    // Where there is no network left, `ws` would wait for the answer to a polite close.
    if (socket.terminate && !politely) socket.terminate();
    else socket.close();
  }

  /** @param {unknown} data */
  #received(data) {
    this.wasHeard = true;
    let events;
    try {
      events = this.#session.received(parsed(data), uptime());
    } catch (error) {
      this.#end(/** @type {Refused} */ (error));
      return;
    }
    for (const event of events) this.#tell(event);
    this.pump();
  }

  /** @param {number} wait */
  #arm(wait) {
    const at = uptime() + wait;
    // One that fires too early asks again: that is cheaper than another timer for each frame.
    if (this.#firesAt <= at) return;
    clearTimeout(this.#timer);
    this.#firesAt = at;
    this.#timer = setTimeout(
      () => {
        this.#firesAt = Infinity;
        this.pump();
      },
      Math.min(Math.ceil(wait), LONGEST),
    );
  }

  /** @param {Refused} refused */
  #end(refused) {
    const tell = this.#ended;
    if (tell === null) return;
    // A server that refuses is closing the socket itself.
    this.drop({ politely: refused.closeCode != null });
    tell(refused);
  }

  /**
   * `ws` shows the HTTP answer that browsers hide.
   *
   * @param {any} socket
   */
  #watchHandshake(socket) {
    socket.on("unexpected-response", async (/** @type {any} */ _, /** @type {any} */ response) => {
      let text = "";
      try {
        for await (const chunk of response) {
          text += chunk;
          if (text.length > MAX_ANSWER) break;
        }
      } catch {
        // Cut in the middle: the status says enough.
      }
      this.#end(denied(response.statusCode, text, response.headers["retry-after"]));
    });
  }
}

/** @param {unknown} data */
function parsed(data) {
  try {
    return JSON.parse(/** @type {string} */ (data));
  } catch {
    return undefined; // Which the session takes for what it is.
  }
}
