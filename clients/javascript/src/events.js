// A room without a WebSocket: what it says comes as server-sent events, and what is said goes by
// REST. To whoever uses it, it is a socket.
import { uptime } from "./clock.js";
import { lost, Refused } from "./core/errors.js";
import { EventParser } from "./core/events.js";
import { answered, problemOf, requestOf, single } from "./core/requests.js";
import { denied } from "./core/verdicts.js";
/** @import { Ask } from "./core/requests.js" */

/** Milliseconds without a byte: there is a comment every 15 seconds. */
const DEAD = 30_000;
/** Milliseconds for the answer to a request. */
const REQUEST_TIMEOUT = 20_000;
/** Refusals that say "not now", and nothing of the connection. */
const BUSY = new Set(["rate_limited", "busy", "draining"]);

/**
 * How a request says whose it is.
 *
 * @param {string} token Empty: the browser shows its cookie.
 * @returns {{headers: Record<string, string>, credentials: "omit" | "include"}}
 */
export function shown(token) {
  return {
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    credentials: token ? "omit" : "include",
  };
}

/** As much of a `WebSocket` as is used of one. */
export class EventsSocket {
  readyState = 0;
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {data: unknown}) => void) | null} */
  onmessage = null;
  /** @type {((event: {code: number, reason: string, refused: Refused}) => void) | null} */
  onclose = null;
  #server;
  #item;
  #token;
  #stream = new AbortController();
  #requests = new AbortController();
  /** @type {any[]} Frames whose request has not begun, in order. */
  #waiting = [];
  #isAsking = false;
  #heardAt = uptime();
  /** The greatest seq that was told of. */
  #place = 0;
  /** @type {any[]} Answers that wait until what they are about was told. */
  #held = [];
  #hasRefusedSignals = false;

  /**
   * @param {URL} room The address of the item's socket.
   * @param {Record<string, string>} query Where to begin.
   * @param {string} token Empty: the browser shows its cookie.
   */
  constructor(room, query, token) {
    const path = room.pathname.replace(/items\/[^/]+\/ws$/, "");
    this.#server = new URL(path, room.href.replace(/^ws/, "http"));
    this.#item = String(room.pathname.split("/").at(-2));
    this.#token = token;
    const address = new URL(`items/${this.#item}/events`, this.#server);
    address.search = String(new URLSearchParams(query));
    this.#listen(address);
  }

  /** @param {string} text */
  send(text) {
    const frame = JSON.parse(text);
    switch (frame.type) {
      case "ping":
        // Without the stream it would be of no use that requests get through.
        if (uptime() - this.#heardAt < DEAD) this.#ask(frame);
        return;
      case "signal":
        return this.#refuseSignal();
      case "auth":
        // A stream is heard under one token: the next one begins with the newer.
        return this.#end(lost("lost"));
    }
    this.#waiting.push(frame);
    this.#askAll();
  }

  /** What was given before is still asked. */
  close() {
    this.readyState = 3;
    this.#stream.abort();
  }

  terminate() {
    this.close();
    this.#waiting = [];
    this.#requests.abort();
  }

  /** @param {URL} address */
  async #listen(address) {
    try {
      const answer = await fetch(address, { ...shown(this.#token), signal: this.#stream.signal, cache: "no-store" });
      const isStream = answer.headers.get("Content-Type")?.startsWith("text/event-stream");
      if (!answer.ok) return this.#end(denied(answer.status, await answer.text(), answer.headers.get("Retry-After")));
      if (!isStream || !answer.body) return this.#end(lost("unreachable"));
      this.readyState = 1;
      this.onopen?.();
      await this.#read(answer.body.getReader());
      this.#end(lost("lost"));
    } catch {
      this.#end(lost(this.readyState === 1 ? "lost" : "unreachable"));
    }
  }

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  async #read(reader) {
    const [decoder, parser] = [new TextDecoder(), new EventParser()];
    while (this.readyState === 1) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#heardAt = uptime();
      for (const data of parser.push(decoder.decode(value, { stream: true }))) {
        this.#take(data === null ? { type: "pong", head: null } : JSON.parse(data));
      }
    }
  }

  /** @param {any} frame */
  #take(frame) {
    this.#say(frame);
    if (frame.type === "welcome") this.#place = frame.after;
    else if (frame.type !== "open" && Number.isInteger(frame.seq)) this.#place = Math.max(this.#place, frame.seq);
    const held = this.#held;
    this.#held = held.filter(({ seq }) => seq > this.#place);
    for (const answer of held) if (answer.seq <= this.#place) this.#say(answer);
  }

  /** @param {object} frame */
  #say(frame) {
    if (this.readyState === 1) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** One request after the other: the order is that in which they were given. */
  async #askAll() {
    if (this.#isAsking) return;
    this.#isAsking = true;
    for (let frame; (frame = this.#waiting.shift()); ) await this.#ask(frame);
    this.#isAsking = false;
  }

  /** @param {any} frame */
  async #ask(frame) {
    const request = requestOf(this.#item, frame);
    if (!request) return;
    try {
      const { status, answer, retryAfter } = await this.#fetch(request);
      if (status < 400) this.#hold(answered(frame, answer ?? {}));
      // Whether it was stored is not known, or nothing will be: as if a socket had been closed.
      else if ((status >= 500 && !BUSY.has(answer?.code)) || status === 401) {
        this.#end(denied(status, JSON.stringify(answer), retryAfter));
      } else if (frame.type !== "ping") this.#say(problemOf(frame, status, answer));
    } catch {
      this.#end(lost("lost"));
    }
  }

  /** @param {Ask} request */
  async #fetch({ method, path, body }) {
    const { headers, credentials } = shown(this.#token);
    const answer = await fetch(new URL(path, this.#server), {
      method,
      headers: body ? { ...headers, "Content-Type": "application/json" } : headers,
      credentials,
      body: body && JSON.stringify(body),
      signal: AbortSignal.any([this.#requests.signal, AbortSignal.timeout(REQUEST_TIMEOUT)]),
    });
    const retryAfter = answer.headers.get("Retry-After");
    const text = await answer.text();
    return { ...single(answer.status, jsonIn(text)), retryAfter };
  }

  /**
   * An own entry comes before its answer, as on a socket.
   *
   * @param {any} frame
   */
  #hold(frame) {
    if (frame?.type === "ack" && frame.seq > this.#place) this.#held.push(frame);
    else if (frame) this.#say(frame);
  }

  #refuseSignal() {
    if (this.#hasRefusedSignals) return;
    this.#hasRefusedSignals = true;
    this.#say({ type: "error", code: "no_socket", message: "Signals need a WebSocket." });
  }

  /** @param {Refused} refused */
  #end(refused) {
    if (this.readyState === 3) return;
    this.terminate();
    this.onclose?.({ code: 1006, reason: "", refused });
  }
}

/** @param {string} text */
function jsonIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Of a proxy, or empty.
  }
}
