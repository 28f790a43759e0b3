// One connection.
import { uptime } from "./clock.js";
import { Refused } from "./core/errors.js";
import { MISTAKES, refusalOfClosing, refusalOfHttp } from "./core/verdicts.js";
/** @import { ServerFrame } from "./core/frames.js" */
/** @import { WebSocketClass } from "./options.js" */

// Milliseconds.
/** From the begin of an attempt to `welcome`: a handshake may hang for minutes in a browser. */
const WELCOME_TIMEOUT = 15_000;
/** Silence before a ping: a browser does not see the server's own pings. */
const SILENCE = 25_000;
const PONG_TIMEOUT = 10_000;
/** The same while a command waits for its answer, twice: somebody looks at it. */
const HASTE = 2_400;
/** Characters a millisecond that the slowest network carries: what was sent takes its time. */
const SLOWEST = 4;

/** One WebSocket, from the attempt to its end, which is told exactly once. */
export class Line {
  /** @type {any} */
  #socket;
  #onFrame;
  /** @type {((reason: string, refused: Refused | null) => void) | null} Null when it was told. */
  #onEnd;
  #isAwaited;
  #wasOpen = false;
  #heardAt = uptime();
  /** When somebody began to wait for an answer; 0: nobody does. */
  #awaitedAt = 0;
  /** Characters that were sent since something came. */
  #unanswered = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} Looks for silence. */
  #idle;
  /** @type {ReturnType<typeof setTimeout> | undefined} Set while something has to come. */
  #deadline;

  /**
   * @param {WebSocketClass} WebSocket
   * @param {string} url
   * @param {string[]} protocols
   * @param {(frame: ServerFrame) => void} onFrame
   * @param {(reason: string, refused: Refused | null) => void} onEnd A code of the server or one
   *   of ours, and the refusal if it was one.
   * @param {() => boolean} isAwaited Whether a command waits for its answer.
   */
  constructor(WebSocket, url, protocols, onFrame, onEnd, isAwaited) {
    this.#onFrame = onFrame;
    this.#onEnd = onEnd;
    this.#isAwaited = isAwaited;
    const socket = (this.#socket = new WebSocket(url, protocols));
    socket.onmessage = (/** @type {{data: unknown}} */ event) => this.#received(event.data);
    socket.onopen = () => (this.#wasOpen = true);
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) => {
      const mistake = MISTAKES.get(code);
      if (mistake) this.#refuse(new Refused(reason || mistake, "", { closeCode: code }));
      else this.#end(this.#wasOpen ? "lost" : "unreachable");
    };
    // What went wrong is said by the close that follows; unheard, `ws` would throw it.
    socket.onerror = () => {};
    if (typeof socket.on === "function") this.#watchHandshake(socket);
    this.#expect(WELCOME_TIMEOUT);
  }

  /** @param {object | string} frame */
  send(frame) {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    if (this.#socket.readyState !== 1) return;
    this.#socket.send(text);
    this.#unanswered += text.length;
    if (this.#awaitedAt || this.#deadline !== undefined || !this.#isAwaited()) return;
    this.#awaitedAt = uptime();
    this.#listen(HASTE);
  }

  /**
   * Ask for a sign of life.
   *
   * @param {number} timeout
   */
  check(timeout) {
    if (this.#socket.readyState === 0) return; // It has a deadline already.
    this.send({ type: "ping" });
    this.#expect(timeout);
  }

  /**
   * End it without a word to whoever listens.
   *
   * @param {{politely?: boolean}} [options]
   */
  drop({ politely = false } = {}) {
    this.#onEnd = null;
    clearTimeout(this.#idle);
    clearTimeout(this.#deadline);
    const socket = this.#socket;
    socket.onmessage = null;
    // Where there is no network left, `ws` would wait for the answer to a polite close.
    if (socket.terminate && !politely) socket.terminate();
    else socket.close();
  }

  /** @param {unknown} data */
  #received(data) {
    this.#heardAt = uptime();
    this.#unanswered = 0;
    if (this.#deadline !== undefined) {
      clearTimeout(this.#deadline);
      this.#deadline = undefined;
      this.#listen(this.#awaitedAt ? HASTE : SILENCE);
    }
    let frame;
    try {
      frame = JSON.parse(/** @type {string} */ (data));
    } catch {
      this.#end("garbled");
      return;
    }
    if (frame.type === "closing") this.#refuse(refusalOfClosing(frame));
    else this.#onFrame(frame);
  }

  /** @param {number} wait */
  #listen(wait) {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (!this.#isAwaited()) this.#awaitedAt = 0;
      const longest = this.#awaitedAt ? HASTE : SILENCE;
      const left = longest - (uptime() - Math.max(this.#heardAt, this.#awaitedAt));
      if (left > 0) this.#listen(Math.min(left, longest));
      else this.check(this.#awaitedAt ? HASTE + this.#unanswered / SLOWEST : PONG_TIMEOUT);
    }, wait);
  }

  /** @param {number} timeout */
  #expect(timeout) {
    clearTimeout(this.#idle);
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end("silent"), timeout);
  }

  /** @param {Refused} refused */
  #refuse(refused) {
    this.#end(refused.code, refused);
  }

  /**
   * @param {string} reason
   * @param {Refused | null} [refused]
   */
  #end(reason, refused = null) {
    const tell = this.#onEnd;
    if (tell === null) return;
    // A server that refuses is closing the socket itself.
    this.drop({ politely: refused?.closeCode != null });
    tell(reason, refused);
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
          if (text.length > 65_536) break;
        }
      } catch {
        // Cut in the middle: the status says enough.
      }
      this.#refuse(refusalOfHttp(response.statusCode, text, response.headers["retry-after"]));
    });
  }
}
