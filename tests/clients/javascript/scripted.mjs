// A room whose server is a script, and whose clock stands still until a test moves it.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock } from "node:test";
import { Room } from "../../../api/web/itemroom.js";

export const ME = { id: "u-ada", name: "Ada", role: "writer" };
export const OTHER = { id: "u-bob", name: "Bob" };
const LIMITS = {
  frame_bytes: 65536,
  body_bytes: 16384,
  nesting: 32,
  publish_rate: 0,
  publish_burst: 0,
  in_flight: 256,
  ping_interval: 20,
  ping_timeout: 20,
};
export const WELCOME = {
  connection: "c1",
  item: { id: "room", title: "Room" },
  you: ME,
  epoch: "e1",
  oldest: 1,
  recovered: true,
  expires_at: null,
  presence: { count: 1, users: [{ id: ME.id, name: ME.name }] },
  limits: LIMITS,
};
/** Closed after each test. */
export const rooms = [];

/** Requests of REST, and what answers them; unless a test says so, nobody is there. */
export const rest = { asked: [], answer: null };

/** As a browser's: events by properties, nothing about the handshake. */
export class Socket {
  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    this.url = new URL(url);
    this.query = Object.fromEntries(this.url.searchParams);
    this.protocols = protocols;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  /** What of a type was sent, by some field. */
  sentOf(type, field) {
    const frames = this.sent.filter((frame) => frame.type === type);
    return field ? frames.map((frame) => frame[field]) : frames;
  }

  open() {
    this.readyState = 1;
    this.onopen?.();
  }

  say(type, fields = {}) {
    this.onmessage?.({ data: JSON.stringify({ type, ...fields }) });
  }

  welcome({ after = Number(this.query.after ?? 0), limits = {}, ...fields } = {}) {
    if (this.readyState === 0) this.open();
    this.say("welcome", {
      ...WELCOME,
      head: after,
      after,
      limits: { ...LIMITS, ...limits },
      ...fields,
    });
  }

  live(seq = Number(this.query.after ?? 0)) {
    this.say("live", { seq });
  }

  messages(first, last = first) {
    for (let seq = first; seq <= last; seq++) this.message(seq);
  }

  message(seq, fields = {}) {
    this.say("message", { seq, at: "2026-01-31T15:25:13.207Z", by: OTHER, body: seq, ...fields });
  }

  closing(reason, retry, fields = {}) {
    this.say("closing", { code: 1008, reason, retry, ...fields });
    this.lose(1008, reason);
  }

  lose(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** As Node's `ws`: the HTTP answer to a handshake can be seen. */
export class NodeSocket extends Socket {
  isPolite = false;

  on(type, listener) {
    if (type === "unexpected-response") this.answered = listener;
  }

  close() {
    super.close();
    this.isPolite = true;
  }

  terminate() {
    this.readyState = 3;
  }

  async deny(statusCode, body, headers = {}) {
    const chunks = typeof body === "object" ? [JSON.stringify(body)] : body;
    async function* read() {
      yield* chunks;
    }
    await this.answered({}, Object.assign(read(), { statusCode, headers }));
  }
}

/** Everything that is due now, promises included. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Move the clock. */
export async function pass(ms) {
  uptime += ms;
  mock.timers.tick(ms);
  await settled();
}

/** Math.random() for a while: 1 makes each wait as long as it can be. */
export function chance(value) {
  mock.method(Math, "random", () => value);
}

export class Scene {
  sockets = [];
  states = [];
  events = [];

  constructor(options = {}, Class = Socket) {
    const { sockets } = this;
    function WebSocket(url, protocols) {
      const socket = new Class(url, protocols);
      sockets.push(socket);
      return socket;
    }
    this.room = this.open("http://server/prefix/", { item: "room", WebSocket, ...options });
    rooms.push(this.room);
    this.room.addEventListener("state", ({ detail }) => this.states.push(detail));
    for (const type of ["gap", "refused", "error"]) {
      this.room.addEventListener(type, ({ detail }) => this.events.push([type, detail]));
    }
  }

  open(url, options) {
    return new Room(url, options);
  }

  /** The newest connection. */
  get socket() {
    return this.sockets.at(-1);
  }

  /** A room that is live after `seq` entries. */
  static async live(options = {}, welcome = {}, Class = Socket) {
    const scene = new this(options, Class);
    await settled();
    scene.socket.welcome(welcome);
    scene.socket.live(welcome.after);
    return scene;
  }

  /** Lose the connection, and have the next one welcomed. */
  async reconnected(welcome = {}) {
    this.socket.lose();
    await pass(500);
    this.socket.welcome(welcome);
    this.socket.live(welcome.after);
  }

  /** Read on and on; `seqs` grows. */
  read() {
    const reading = { seqs: [], error: undefined, isOver: false };
    reading.done = (async () => {
      try {
        for await (const entry of this.room) reading.seqs.push(entry.seq);
      } catch (error) {
        reading.error = error;
      }
      reading.isOver = true;
    })();
    return reading;
  }
}

/** The fate of a promise, as a value that changes. */
export function fate(promise) {
  const known = {};
  promise.then(
    (value) => (known.value = value),
    (error) => (known.code = error.code ?? error.name),
  );
  return known;
}

/** Timers that are set and have not fired: with one of them left, a program does not end. */
const timers = new Set();
let uptime = 0;

/** Somebody sets the clock of the day; the time that passes does not change. */
export function setClock(ms) {
  const before = Date.now();
  mock.method(Date, "now", () => before + ms);
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  mock.method(performance, "now", () => uptime);
  Object.assign(rest, { asked: [], answer: null });
  mock.method(globalThis, "fetch", async (url, { method, headers, credentials }) => {
    rest.asked.push({ url, method, headers, credentials });
    if (rest.answer === null) throw new TypeError("fetch failed");
    const { status, ...problem } = rest.answer;
    return new Response(JSON.stringify(problem), { status });
  });
  const { setTimeout, clearTimeout } = globalThis;
  globalThis.setTimeout = (act, wait) => {
    const timer = setTimeout(() => timers.delete(timer) && act(), wait);
    timers.add(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => timers.delete(timer) && clearTimeout(timer);
});
afterEach(() => {
  for (const room of rooms.splice(0)) room.close();
  mock.timers.reset();
  mock.restoreAll();
  assert.equal(timers.size, 0, "a closed room has timers");
});
