/**
 * A room of Itemroom for browsers and Node: every entry once and in order, across reconnects, and
 * commands that are repeated under one ref until they are stored or refused.
 *
 * `docs/protocol.md` is the contract that this file keeps; section names below are its.
 */

// A message's body: what people read of it, and what the server could not.

/**
 * What people read of a body: the body itself, or the `text` of an object; else its JSON.
 *
 * @param {unknown} body
 * @returns {string}
 */
export function textOf(body) {
  if (typeof body === "string") return body;
  const text = /** @type {{text?: unknown} | null | undefined} */ (body)?.text;
  return typeof text === "string" ? text : (JSON.stringify(body) ?? "");
}

/** Nested deeper, the server could not even read whose frame it is; its own limit is far below. */
const MAX_NESTING = 500;
const MAX_INTEGER = 2 ** 53;

/**
 * What of a body would make the server unable to tell which command it is refusing.
 *
 * @param {unknown} value A value of JSON.
 * @param {number} levels
 * @returns {string | null}
 */
function faultIn(value, levels = MAX_NESTING) {
  if (typeof value === "string") {
    if (value.includes("\0")) return "Text must not contain U+0000.";
    return /\p{Surrogate}/u.test(value) ? "Text must not contain lone surrogates." : null;
  }
  if (typeof value === "number") {
    // From 1e21 on it is written as a float, which is fine.
    const isBeyond = Number.isInteger(value) && Math.abs(value) > MAX_INTEGER;
    return isBeyond && Math.abs(value) < 1e21 ? "Integers must be within ±2^53." : null;
  }
  if (typeof value !== "object" || value === null) return null;
  if (levels === 0) return "The body is nested too deeply.";
  for (const [key, part] of Object.entries(value)) {
    const fault = faultIn(key) ?? faultIn(part, levels - 1);
    if (fault) return fault;
  }
  return null;
}

// The log.

/**
 * @typedef {{id: string, name: string}} User
 * @typedef {"reader" | "writer" | "admin"} Role
 */

/**
 * The entries of the log. `type` tells them apart, and which fields they have.
 *
 * @typedef {{seq: number, at: string, by: User, ref?: string}} Common
 * @typedef {Common & {type: "message", body?: any, edited_seq?: number, deleted_seq?: number}} Message
 * @typedef {Common & {type: "edit", target: number, body?: any, deleted_seq?: number}} Edit
 * @typedef {Common & {type: "delete", target: number}} Deletion
 * @typedef {Common & {type: "reaction", target: number, value: string, on: boolean}} Reaction
 * @typedef {Common & {type: "member", user: User, role: Role | null}} MemberChange
 * @typedef {Common & {type: "item", title?: string, default_role?: Role | null}} ItemChange
 * @typedef {Message | Edit | Deletion | Reaction | MemberChange | ItemChange} Entry
 */

// What a server says.

/**
 * @typedef {"never" | "later" | "after_auth"} Retry
 */

/**
 * @typedef {object} Limits
 * @property {number} frame_bytes
 * @property {number} body_bytes
 * @property {number} nesting
 * @property {number} publish_rate
 * @property {number} publish_burst
 * @property {number} in_flight
 * @property {number} ping_interval
 * @property {number} ping_timeout
 */

/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {string} connection
 * @property {{id: string, title: string | null}} item
 * @property {User & {role: Role}} you
 * @property {string} epoch
 * @property {number} head
 * @property {number} oldest
 * @property {number} after
 * @property {boolean} recovered
 * @property {string | null} expires_at
 * @property {Limits} limits
 * @property {{count: number, users?: User[]}} presence
 */

/**
 * @typedef {object} PresenceChange
 * @property {"presence"} type
 * @property {number} count
 * @property {User[]} [users]
 * @property {User[]} [join]
 * @property {User[]} [leave]
 */

/**
 * What a server says, told apart by `type`: see "What the server says". New types may come.
 *
 * @typedef {{type: "live", seq: number}} Live
 * @typedef {{type: "ack", seq: number, at: string, ref?: string, duplicate?: true}} Ack
 * @typedef {{type: "error", code: string, message: string, ref?: string, retry_after?: number}} ErrorFrame
 * @typedef {{type: "signal", name: string, by: User, body: any}} Signal
 * @typedef {{type: "read", by: User, seq: number}} Read
 * @typedef {{type: "role", role: Role}} RoleChange
 * @typedef {{type: "expiring", in: number}} Expiring
 * @typedef {{type: "auth", expires_at: string | null}} Auth
 * @typedef {{type: "pong", head: number | null}} Pong
 * @typedef {{type: "closing", code: number, reason: string, retry: Retry, retry_after?: number,
 *   message?: string}} Closing
 * @typedef {Welcome | Entry | Live | Ack | ErrorFrame | Signal | Read | PresenceChange | RoleChange
 *   | Expiring | Auth | Pong | Closing} ServerFrame
 */

// The one exception.

/** A clear no: to a command, or to being in the room at all. */
export class Refused extends Error {
  /**
   * @param {string} code One of the contract's codes, or `closed`, `outbox_full`, `http_…`.
   * @param {string} [message] For people.
   * @param {{retry?: Retry, retryAfter?: number | null, closeCode?: number | null}} [more]
   */
  constructor(code, message = "", { retry = "never", retryAfter = null, closeCode = null } = {}) {
    super(message || code);
    this.name = "Refused";
    /** @readonly Branch on this. */
    this.code = code;
    /** @readonly What the server says about trying again. */
    this.retry = retry;
    /** @readonly Seconds, or null. */
    this.retryAfter = retryAfter;
    /** @readonly The WebSocket's close code, or null. */
    this.closeCode = closeCode;
  }
}

// How long to wait before the next connection.

// Milliseconds.
const BACKOFF_BASE = 500;
const BACKOFF_CAP = 30_000;

/** How long to wait before the next attempt: full jitter, so that no herd comes back at once. */
class Backoff {
  #failures = 0;

  reset() {
    this.#failures = 0;
  }

  /** @returns {number} Milliseconds. */
  next() {
    return Math.random() * Math.min(BACKOFF_CAP, BACKOFF_BASE * 2 ** this.#failures++);
  }
}

// Time that passes.

/** What `setTimeout` can count to; more would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Milliseconds of a clock that nobody sets: waits must not grow by hours when the day's is. */
const uptime = () => performance.now();

// How fast commands may be sent.

/** The server's own token bucket, kept here too: what is not sent is not refused. */
class Bucket {
  #rate;
  #burst;
  #tokens;
  /** The server's bucket began as full as this one: so many are let through whenever they come. */
  #sure;
  #at = uptime();

  /**
   * @param {number} rate A second; 0 is no limit.
   * @param {number} burst
   */
  constructor(rate, burst) {
    this.#rate = rate;
    this.#burst = Math.max(burst, 1);
    this.#tokens = this.#sure = this.#burst;
  }

  /** Whether the server surely has a token for the next one, even if the way compresses time. */
  get isAmple() {
    if (!this.#rate || this.#sure > 0) return true;
    this.#fill();
    return this.#tokens > this.#burst / 2;
  }

  /** @returns {number} 0: taken; else nothing was, and these milliseconds have to pass first. */
  take() {
    if (!this.#rate) return 0;
    this.#fill();
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#rate) * 1000);
    this.#tokens -= 1;
    this.#sure -= 1;
    return 0;
  }

  /** The server's bucket turned out to be empty: then so is this one, as of now. */
  empty() {
    this.#fill();
    this.#tokens = this.#sure = 0;
  }

  #fill() {
    const now = uptime();
    const passed = (now - this.#at) / 1000;
    this.#at = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#rate);
  }
}

// What the end of a connection, or a denied handshake, means.

/** Close codes after which the same would happen again, should they come without `closing`. */
const MISTAKES = new Map([
  [1002, "bad_framing"],
  [1003, "unsupported_frame"],
  [1007, "bad_utf8"],
  [1009, "too_big"],
]);

/** Refused with these, another credential may do. */
const CREDENTIALS = new Set([
  "auth_missing",
  "auth_invalid",
  "auth_ambiguous",
  "auth_expired",
  "ticket_used",
]);

/** @param {Closing} frame */
function refusalOfClosing({ reason, message, retry = "later", retry_after: wait, code }) {
  return new Refused(reason, message, { retry, retryAfter: wait ?? null, closeCode: code ?? null });
}

/**
 * @param {number} status
 * @param {string} text
 * @param {string | undefined} retryAfter The header.
 */
function refusalOfHttp(status, text, retryAfter) {
  let problem;
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy's page.
  }
  const wait = Number(problem?.retry_after ?? retryAfter ?? NaN);
  const code = String(problem?.code ?? `http_${status}`);
  const retry = CREDENTIALS.has(code) ? "after_auth" : "never";
  return new Refused(code, String(problem?.detail ?? ""), {
    retry: status === 429 || status >= 500 ? "later" : retry,
    retryAfter: Number.isFinite(wait) ? wait : null,
  });
}

/** @param {{code: string, message: string, retry_after?: number}} error */
function refusalOfError({ code, message, retry_after: retryAfter }) {
  const retry = retryAfter === undefined ? "never" : "later";
  return new Refused(code, message, { retry, retryAfter: retryAfter ?? null });
}

// Commands that wait to be sent, or to be answered.

/** What each command becomes in the log. */
const STORED_AS = new Map([
  ["publish", "message"],
  ["edit", "edit"],
  ["delete", "delete"],
  ["react", "reaction"],
]);

/** Refusals of a command that say "not now" and mean the command no harm. */
const NOT_NOW = new Set(["rate_limited", "busy", "draining"]);

/** A command until its answer. */
class Command {
  /** Sent on this connection, and not answered. */
  isOut = false;
  /** Lost with a connection: it may be stored. */
  wasLost = false;
  /** @type {(seq: number) => void} */
  resolve = () => {};
  /** @type {(reason: Refused) => void} */
  reject = () => {};

  /** @param {string} text The frame. */
  constructor(text) {
    this.text = text;
    /** @type {Promise<number>} */
    this.answer = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
  }

  /**
   * Whether an entry is what this becomes in the log.
   *
   * @param {any} entry
   */
  isStoredAs(entry) {
    const fields = JSON.parse(this.text);
    if (STORED_AS.get(fields.type) !== entry.type) return false;
    return ["target", "value", "on", "body"].every(
      (name) => JSON.stringify(fields[name]) === JSON.stringify(entry[name]),
    );
  }
}

/** Commands without an answer, in order. What is lost with a connection is sent on the next. */
class Outbox {
  #limit;
  #send;
  /** @type {Map<string, Command>} By ref, in the order in which they were given. */
  #commands = new Map();
  /** @type {Limits | null} Null while there is no connection. */
  #limits = null;
  #bucket = new Bucket(0, 0);
  #out = 0;
  /** The server has said "not now": our idea of its bucket is wrong. */
  #isWary = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} Nothing is sent before it fires. */
  #pause;

  /**
   * @param {number} limit
   * @param {(text: string) => void} send
   */
  constructor(limit, send) {
    this.#limit = limit;
    this.#send = send;
  }

  get isEmpty() {
    return this.#commands.size === 0;
  }

  /** Whether something was sent that has no answer yet. */
  get isAwaiting() {
    return this.#out > 0;
  }

  /**
   * @param {string} ref
   * @param {string} text
   * @returns {Promise<number>} The seq, when it is stored.
   */
  add(ref, text) {
    const twin = this.#commands.get(ref);
    if (twin) {
      if (twin.text === text) return twin.answer;
      throw new Refused("ref_conflict", "This ref waits for the answer to something else.");
    }
    if (this.#commands.size >= this.#limit) {
      throw new Refused("outbox_full", "Too many commands wait for an answer.", { retry: "later" });
    }
    const command = new Command(text);
    this.#commands.set(ref, command);
    this.#pump();
    return command.answer;
  }

  /** @param {Limits} limits */
  online(limits) {
    this.#limits = limits;
    this.#isWary = false;
    this.#bucket = new Bucket(limits.publish_rate, limits.publish_burst);
    this.#pump();
  }

  offline() {
    this.#limits = null;
    this.#resume();
    this.#out = 0;
    for (const command of this.#commands.values()) {
      command.wasLost ||= command.isOut;
      command.isOut = false;
    }
  }

  /** @returns {boolean} Whether something else may be sent now that counts like a command. */
  spare() {
    return this.#limits !== null && this.#pause === undefined && this.#bucket.take() === 0;
  }

  /** @param {{ref?: string, seq: number}} ack */
  acked({ ref = "", seq }) {
    this.#take(ref)?.resolve(seq);
    this.#pump();
  }

  /**
   * @param {{ref?: string, code: string, message: string, retry_after?: number}} error
   * @returns {boolean} Whether it was about a command.
   */
  refused(error) {
    const { ref = "", code, retry_after: retryAfter } = error;
    const command = this.#commands.get(ref);
    if (!command) return false;
    if (NOT_NOW.has(code)) {
      // It keeps its place, and what was given later waits behind it.
      if (command.isOut) this.#out -= 1;
      command.isOut = false;
      this.#isWary = true;
      this.#bucket.empty();
      this.#wait((retryAfter ?? 1) * 1000);
    } else {
      this.#take(ref);
      command.reject(refusalOfError(error));
      this.#pump();
    }
    return true;
  }

  /**
   * An entry of mine: it answers its command, should the ack have been lost.
   *
   * @param {Entry} entry
   */
  stored(entry) {
    const command = this.#commands.get(entry.ref ?? "");
    if (!command?.wasLost || !command.isStoredAs(entry)) return;
    this.#take(/** @type {string} */ (entry.ref))?.resolve(entry.seq);
    this.#pump();
  }

  /** @param {Refused} reason */
  end(reason) {
    const commands = [...this.#commands.values()];
    this.#commands.clear();
    for (const command of commands) command.reject(reason);
  }

  /** @param {string} ref */
  #take(ref) {
    const command = this.#commands.get(ref);
    if (command?.isOut) this.#out -= 1;
    this.#commands.delete(ref);
    return command;
  }

  #pump() {
    if (!this.#limits || this.#pause !== undefined) return;
    if (this.isEmpty) this.#isWary = false;
    // Half of what the server lets wait: read markers count there too.
    const window = Math.max(1, Math.floor(this.#limits.in_flight / 2));
    for (const [ref, command] of this.#commands) {
      if (this.#out >= window) return;
      if (command.isOut) continue;
      if (isLonger(command.text, this.#limits.frame_bytes)) {
        // Sent, it would close the connection for good.
        this.#take(ref)?.reject(new Refused("too_big", "The frame is larger than allowed."));
        continue;
      }
      // What might be refused goes alone: what is sent behind it could be stored before it.
      if (this.#out && (this.#isWary || !this.#bucket.isAmple)) return;
      const wait = this.#bucket.take();
      if (wait) return this.#wait(wait);
      command.isOut = true;
      this.#out += 1;
      this.#send(command.text);
    }
  }

  /** @param {number} wait */
  #wait(wait) {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#resume();
      this.#pump();
    }, Math.min(wait, LONGEST));
  }

  #resume() {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }
}

/**
 * @param {string} text
 * @param {number} bytes
 */
function isLonger(text, bytes) {
  // No character takes more than three bytes a UTF-16 unit.
  return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes;
}

// Where a room is.

const ITEM_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * @param {string} base
 * @param {string} item
 */
function roomUrl(base, item) {
  if (typeof item !== "string" || !ITEM_ID.test(item)) {
    throw new TypeError(`not the id of an item: ${item}`);
  }
  const url = new URL(base, globalThis.location?.href);
  if (!/^(?:http|ws)s?:$/.test(url.protocol)) throw new TypeError(`not a server: ${base}`);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/items/${item}/ws`;
  url.search = url.hash = "";
  return url;
}

// Who is here.

/** Above this many users the server lists nobody. */
const MAX_LISTED = 200;

/** Who is here, as far as the server says. */
class Presence {
  count = 0;
  /** @type {User[]} Empty while there are more than the server lists. */
  users = [];

  /** @param {{count: number, users?: User[], join?: User[], leave?: User[]}} change */
  apply({ count, users, join = [], leave = [] }) {
    const here = new Map((users ?? this.users).map((user) => [user.id, user]));
    for (const user of join) here.set(user.id, user);
    for (const user of leave) here.delete(user.id);
    this.count = count;
    this.users = count > MAX_LISTED ? [] : [...here.values()];
  }

  /** Whether users are missing: when a crowd has shrunk, the server tells only of changes. */
  get isPartial() {
    return this.count <= MAX_LISTED && this.users.length !== this.count;
  }
}

// What a room takes, and what its events carry.

/** @typedef {"connecting" | "resuming" | "live" | "waiting" | "refused" | "closed"} State */

/**
 * What the events of a room carry as `detail`.
 *
 * @typedef {object} RoomEvents
 * @property {{state: State, reason: string | null, retryAt: number | null}} state
 * @property {Welcome} welcome
 * @property {Entry} entry
 * @property {Live} live
 * @property {Signal} signal
 * @property {Read} read
 * @property {PresenceChange} presence
 * @property {RoleChange} role
 * @property {Gap} gap
 * @property {Expiring} expiring
 * @property {Refused} refused
 * @property {Refused} error Of something that has no answer: a signal, a read marker, a token.
 */

/**
 * The log does not go on where it was left: what was built from earlier entries is to be built
 * anew from those after `after`.
 *
 * @typedef {{after: number, oldest: number, epoch: string}} Gap
 */

/**
 * @typedef {string | {token: string, ticket?: never} | {ticket: string, token?: never}} Credential
 * @typedef {new (url: string, protocols: string[]) => any} WebSocketClass
 */

/**
 * @typedef {((event: Event) => void) | {handleEvent(event: Event): void} | null} Listener
 * @typedef {boolean | {capture?: boolean, once?: boolean, passive?: boolean, signal?: AbortSignal}}
 *   ListenerOptions
 */

/**
 * At most one credential; without one the session cookie counts.
 *
 * @typedef {{token?: string, ticket?: never, getToken?: never}} ByToken An access or API token.
 * @typedef {{ticket?: string, token?: never, getToken?: never}} ByTicket Good for one connection, so
 *   not for coming back.
 * @typedef {{getToken?: () => Credential | Promise<Credential>, token?: never, ticket?: never}}
 *   ByGetToken Asked for every connection, and for another token before one ends. A `Refused` that
 *   it throws is final; after any other error it is asked again.
 */

/**
 * @typedef {object} RoomSettings
 * @property {string} item The item's id.
 * @property {WebSocketClass} [WebSocket] Default: `globalThis.WebSocket`.
 * @property {number} [after] Begin after this seq; without it with the newest `tail` entries.
 * @property {string} [epoch] The epoch that `after` is from.
 * @property {number} [tail] Default: the server's, 50.
 * @property {number} [outbox] Commands that may wait for their answer. Default 1000.
 * @property {number} [buffer] Entries that may wait for the iterator. Default 10 000; 0: nobody
 *   iterates, and none are kept.
 *
 * @typedef {RoomSettings & (ByToken | ByTicket | ByGetToken)} RoomOptions
 */

// Who a room says that it is.

// Milliseconds.
const TOKEN_TIMEOUT = 30_000;
/** Two refreshes are at least this far apart: a source may give tokens that end at once. */
const REFRESH_INTERVAL = 5_000;

/** What a room shows of who it is, and where it gets more of it. */
class Credentials {
  #fixed;
  #getToken;
  /** @type {string | undefined} The token that was given out last. */
  #token;
  #renewedAt = 0;

  /** @param {RoomOptions} options */
  constructor({ token, ticket, getToken }) {
    if ([token, ticket, getToken].filter((one) => one !== undefined).length > 1) {
      throw new TypeError("give one of token, ticket and getToken");
    }
    this.#fixed = { token, ticket };
    this.#getToken = getToken;
  }

  get canRenew() {
    return this.#getToken !== undefined;
  }

  /**
   * For a new connection. Rejects with `Refused` when there is none for good.
   *
   * @returns {Promise<{token?: string, ticket?: string}>}
   */
  async get() {
    if (!this.#getToken) return this.#fixed;
    const answer = await within(this.#getToken(), TOKEN_TIMEOUT);
    /** @type {{token?: string, ticket?: string}} */
    const credential = typeof answer === "string" ? { token: answer } : (answer ?? {});
    if (!credential.token && !credential.ticket) {
      throw new Refused("auth_missing", "getToken gave no credential.", { retry: "after_auth" });
    }
    this.#token = credential.token;
    return credential;
  }

  /** @returns {Promise<string | undefined>} A token for an open connection, if there is a newer. */
  async newerToken() {
    if (!this.#getToken || uptime() - this.#renewedAt < REFRESH_INTERVAL) return undefined;
    this.#renewedAt = uptime();
    const present = this.#token;
    try {
      const { token } = await this.get();
      return token === present ? undefined : token;
    } catch {
      return undefined; // It is asked again when the connection has ended.
    }
  }
}

/**
 * @template T
 * @param {T | Promise<T>} promise
 * @param {number} timeout
 * @returns {Promise<T>}
 */
async function within(promise, timeout) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), timeout);
  });
  try {
    return /** @type {T} */ (await Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}

// Entries on their way to whoever reads them.

/** Entries on their way to the application, which may be slower than the server. */
class Feed {
  /** What the application has been given: the place to begin at another time. */
  seq = 0;
  /** @type {string | null} */
  epoch = null;
  /** @type {({entry: Entry} | {gap: Gap})[]} */
  #queue = [];
  #first = 0;
  #entries = 0;
  /** @type {{resolve: (result: IteratorResult<Entry, undefined>) => void,
   *   reject: (reason: Refused) => void}[]} */
  #readers = [];
  /** @type {{reason: Refused | null} | null} */
  #end = null;
  #isIterated = false;
  #isHeard = false;
  #onGap;
  #onTaken;

  /**
   * @param {(gap: Gap) => void} onGap Called when the application gets to it.
   * @param {() => void} onTaken Called when an entry has left the queue.
   */
  constructor(onGap, onTaken) {
    this.#onGap = onGap;
    this.#onTaken = onTaken;
  }

  /** Entries that wait. */
  get size() {
    return this.#entries;
  }

  /** Somebody listens to the `entry` event: unless somebody iterates as well, nothing waits. */
  heard() {
    this.#isHeard = true;
    if (!this.#isIterated) this.#flush();
  }

  /** Somebody iterates: from now on what comes waits for them. */
  iterated() {
    this.#isIterated = true;
  }

  /** @param {Entry} entry */
  push(entry) {
    this.#queue.push({ entry });
    this.#entries += 1;
    this.#move();
  }

  /** @param {Gap} gap */
  gap(gap) {
    this.#queue.push({ gap });
    this.#move();
  }

  /** @returns {Promise<IteratorResult<Entry, undefined>>} */
  next() {
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#move();
    });
  }

  /**
   * @param {Refused | null} reason What readers get when they have read what is here; null: they
   *   are done at once.
   */
  end(reason) {
    this.#end ??= { reason };
    if (reason === null) {
      this.#queue = [];
      this.#first = this.#entries = 0;
    }
    this.#move();
  }

  #move() {
    if (this.#isHeard && !this.#isIterated) return this.#flush();
    while (this.#first < this.#queue.length && this.#readers.length) this.#step();
    if (this.#end && this.#first === this.#queue.length) this.#dismiss(this.#end.reason);
  }

  #flush() {
    while (this.#first < this.#queue.length) this.#step();
  }

  /** Give the next entry, or tell the next gap. Callbacks come last: they may lead back here. */
  #step() {
    const step = this.#shift();
    if ("gap" in step) {
      this.seq = step.gap.after;
      this.epoch = step.gap.epoch;
      this.#onGap(step.gap);
    } else {
      this.seq = step.entry.seq;
      this.#entries -= 1;
      this.#readers.shift()?.resolve({ value: step.entry, done: false });
      this.#onTaken();
    }
  }

  #shift() {
    const step = /** @type {{entry: Entry} | {gap: Gap}} */ (this.#queue[this.#first]);
    this.#first += 1;
    // Array.prototype.shift moves all that remains, which is too much for each of ten thousand.
    if (this.#first * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return step;
  }

  /** @param {Refused | null} reason */
  #dismiss(reason) {
    for (const reader of this.#readers.splice(0)) {
      if (reason) reader.reject(reason);
      else reader.resolve({ value: undefined, done: true });
    }
  }
}

// Why a handshake was denied: browsers hide it.

// Milliseconds.
/** For the answer to why a handshake was denied. */
const ASK_TIMEOUT = 10_000;

/**
 * Why a handshake was denied, as "Reconnecting", 6; null: the server does not say.
 *
 * @param {URL} url The room's.
 * @param {string} token Empty: the browser shows its cookie.
 * @returns {Promise<Refused | null>}
 */
async function askForDenial(url, token) {
  const address = url.href.replace(/^ws/, "http").replace(/ws$/, "tickets");
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      credentials: token ? "omit" : "include",
      signal: AbortSignal.timeout(ASK_TIMEOUT),
    });
    const wait = answer.headers.get("Retry-After") ?? undefined;
    const text = await answer.text();
    return answer.ok ? null : refusalOfHttp(answer.status, text, wait);
  } catch {
    return null; // Not reached, or a page of another origin may not read it.
  }
}

// One connection.

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
class Line {
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

// When a page wakes, and when its network goes.

/**
 * @param {() => void} wake
 * @param {() => void} lose The browser says that there is no network.
 * @returns {() => void} Stops it.
 */
function onWaking(wake, lose) {
  const { document } = globalThis;
  const whenVisible = () => {
    if (document.visibilityState === "visible") wake();
  };
  // Node has none of these.
  globalThis.addEventListener?.("offline", lose);
  globalThis.addEventListener?.("online", wake);
  globalThis.addEventListener?.("pageshow", wake);
  document?.addEventListener("visibilitychange", whenVisible);
  return () => {
    globalThis.removeEventListener?.("offline", lose);
    globalThis.removeEventListener?.("online", wake);
    globalThis.removeEventListener?.("pageshow", wake);
    document?.removeEventListener("visibilitychange", whenVisible);
  };
}

// One connection after the other, and the waits between them.

const SUBPROTOCOL = "itemroom.v1.json";
/** As a subprotocol may be written; see RFC 9110, section 5.6.2. */
const HEADER_TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** Milliseconds for a sign of life after a tab woke or the network came back: somebody is looking. */
const WAKE_TIMEOUT = 5_000;

/** The way to the server: attempts, waits and verdicts. What frames say is the room's business. */
class Connector {
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

// A room, as an application uses it.

/** As a `ref` may be written; see "Words". */
const REF = /^(?:[^\p{C}\p{Z}]| ){1,64}$/u;

/**
 * One item's room.
 *
 * @example
 * const room = new Room("https://rooms.example.com", { item: "order-17", token });
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export class Room extends EventTarget {
  #item;
  #tail;
  #buffer;
  #connector;
  #outbox;
  #feed;
  /** @type {{after: number | null, epoch: string | null}} The newest entry that has come. */
  #cursor;
  /** The buffer is full: entries are left where they are, connections serve commands alone. */
  #isDeaf = false;
  /** Of a server whose replay has holes: a `welcome` of it is not yet a success. */
  #distrust = new Backoff();
  #readSeq = 0;
  #presence = new Presence();
  #hasAskedPresence = false;
  #head = 0;
  #oldest = 1;
  /** @type {Welcome | null} */
  #welcome = null;

  /**
   * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
   * @param {RoomOptions} options
   */
  constructor(url, options) {
    super();
    const { item, after = null, epoch = null, tail, outbox = 1000, buffer = 10_000 } = options;
    const Class = options.WebSocket ?? globalThis.WebSocket;
    if (!Class) throw new TypeError("there is no WebSocket here: hand one in");
    this.#item = { id: item, title: /** @type {string | null} */ (null) };
    this.#tail = tail;
    this.#buffer = Math.max(buffer, 1);
    this.#cursor = { after, epoch };
    this.#outbox = new Outbox(outbox, (text) => this.#connector.send(text));
    this.#feed = new Feed(
      (gap) => this.#tell("gap", gap),
      () => this.#taken(),
    );
    this.#feed.seq = after ?? 0;
    this.#feed.epoch = epoch;
    if (buffer === 0) this.#feed.heard();
    this.#connector = new Connector(roomUrl(String(url), item), Class, new Credentials(options), {
      beginning: () => this.#beginning(),
      isIdle: () => this.#isDeaf && this.#outbox.isEmpty,
      isAwaited: () => this.#outbox.isAwaiting,
      onFrame: (frame) => this.#heard(frame),
      onDown: () => this.#outbox.offline(),
      onState: (state, reason, retryAt) => this.#tell("state", { state, reason, retryAt }),
      onRefused: (refused) => this.#refused(refused),
    });
    this.#connector.connect();
  }

  /** Where it stands; every change is a `state` event. */
  get state() {
    return this.#connector.state;
  }

  /** While waiting: when the next attempt is, in milliseconds since 1970. */
  get retryAt() {
    return this.#connector.retryAt;
  }

  /** Why the last connection was refused; null since one was not. */
  get error() {
    return this.#connector.error;
  }

  /** The seq of the newest entry that you have been given; with `epoch` the place to resume at. */
  get seq() {
    return this.#feed.seq;
  }

  /** Which life of the log `seq` belongs to; null before the first `welcome`. */
  get epoch() {
    return this.#feed.epoch;
  }

  /** The newest seq of the log, as far as the server has said. */
  get head() {
    return this.#head;
  }

  /** The oldest seq that was still kept at the last `welcome`. */
  get oldest() {
    return this.#oldest;
  }

  /** You, with your present role; null before the first `welcome`. */
  get you() {
    return this.#welcome?.you ?? null;
  }

  /** Id and title; the title is null before the first `welcome`. */
  get item() {
    return this.#welcome?.item ?? this.#item;
  }

  /** The server's limits; null before the first `welcome`. */
  get limits() {
    return this.#welcome?.limits ?? null;
  }

  /** Who is here. Above 200 users there is only the count. */
  get presence() {
    return { count: this.#presence.count, users: this.#presence.users };
  }

  /**
   * @template {keyof RoomEvents} K
   * @overload
   * @param {K} type
   * @param {((event: CustomEvent<RoomEvents[K]>) => void) | null} listener
   * @param {ListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {Listener} listener
   * @param {ListenerOptions} [options]
   * @returns {void}
   */
  /**
   * As everywhere. Entries wait for an iterator unless an `entry` listener came first.
   *
   * @param {string} type
   * @param {any} listener
   * @param {ListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type === "entry") this.#feed.heard();
  }

  /**
   * Every entry once and in order, across connections, until `close`; one loop at a time.
   *
   * @returns {AsyncIterableIterator<Entry, undefined>}
   */
  [Symbol.asyncIterator]() {
    this.#feed.iterated();
    /** @type {AsyncIterableIterator<Entry, undefined>} */
    const iterator = {
      next: () => this.#feed.next(),
      return: async () => ({ value: undefined, done: true }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Store a message.
   *
   * @param {unknown} body Any JSON value.
   * @param {{ref?: string}} [options] A ref of your own makes it safe to call again later, even
   *   from another process.
   * @returns {Promise<number>} Its seq, when it is on disk. Rejects with `Refused`.
   */
  async publish(body, { ref } = {}) {
    return this.#command("publish", { body }, ref);
  }

  /**
   * Replace a message's body.
   *
   * @param {number} target The message's seq.
   * @param {unknown} body
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async edit(target, body, { ref } = {}) {
    return this.#command("edit", { target, body }, ref);
  }

  /**
   * Erase a message.
   *
   * @param {number} target
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async delete(target, { ref } = {}) {
    return this.#command("delete", { target }, ref);
  }

  /**
   * Put on a reaction, or take it back.
   *
   * @param {number} target
   * @param {string} value
   * @param {boolean} [on]
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async react(target, value, on = true, { ref } = {}) {
    return this.#command("react", { target, value, on }, ref);
  }

  /**
   * Tell those who are here now; dropped while not live.
   *
   * @param {string} name
   * @param {unknown} [body]
   */
  signal(name, body = null) {
    if (this.state !== "live" || !this.#outbox.spare()) return;
    this.#connector.send({ type: "signal", name, body });
  }

  /**
   * Mark as read up to here; kept until there is a connection.
   *
   * @param {number} seq
   */
  read(seq) {
    if (seq <= this.#readSeq) return;
    this.#readSeq = seq;
    if (this.#welcome) this.#connector.send({ type: "read", seq });
  }

  /** Drop the connection and resume. */
  reconnect() {
    if (!this.#connector.isOver) this.#connector.again("reconnect");
  }

  /** Leave. Loops end; commands without an answer are refused with `closed`. */
  close() {
    this.#finish("closed", new Refused("closed", "The room was closed."));
  }

  /**
   * @template {keyof RoomEvents} K
   * @param {K} type
   * @param {RoomEvents[K]} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * @param {string} type
   * @param {object} fields
   * @param {string} [ref]
   */
  #command(type, fields, ref = newRef()) {
    if (this.state === "closed") throw new Refused("closed", "The room was closed.");
    if (this.state === "refused" && this.error) throw this.error;
    if (!REF.test(ref)) throw new Refused("bad_message", "A ref is 1 to 64 printable characters.");
    const text = JSON.stringify({ type, ref, ...fields });
    const fault = faultIn(JSON.parse(text));
    if (fault) throw new Refused("bad_message", fault);
    const answer = this.#outbox.add(ref, text);
    // The connection may have been given up because nobody read.
    if (this.#connector.isResting) this.#connector.again("command");
    return answer;
  }

  #beginning() {
    if (this.#isDeaf) return { tail: 0 };
    const { after, epoch } = this.#cursor;
    return after === null ? { tail: this.#tail } : { after, epoch };
  }

  /** @param {Refused} refused */
  #refused(refused) {
    this.#finish("refused", refused);
    this.#tell("refused", refused);
  }

  /**
   * @param {"refused" | "closed"} state
   * @param {Refused} reason
   */
  #finish(state, reason) {
    if (this.#connector.isOver) return;
    this.#connector.end(state, reason.code);
    this.#outbox.end(reason);
    this.#feed.end(state === "closed" ? null : reason);
  }

  /** @param {ServerFrame} frame */
  #heard(frame) {
    switch (frame.type) {
      case "message":
      case "edit":
      case "delete":
      case "reaction":
      case "member":
      case "item":
        return this.#entry(frame);
      case "welcome":
        return this.#welcomed(frame);
      case "live":
        return this.#caughtUp(frame);
      case "ack":
        return this.#outbox.acked(frame);
      case "error":
        if (!this.#outbox.refused(frame)) this.#tell("error", refusalOfError(frame));
        return;
      case "presence":
        this.#present(frame);
        return this.#tell("presence", frame);
      case "role":
        if (this.#welcome) this.#welcome.you.role = frame.role;
        return this.#tell("role", frame);
      case "expiring":
        this.#tell("expiring", frame);
        return this.#connector.renew();
      case "pong":
        return this.#noteHead(frame.head ?? 0);
      case "signal":
        return this.#tell("signal", frame);
      case "read":
        return this.#tell("read", frame);
    }
  }

  /** @param {Welcome} frame */
  #welcomed(frame) {
    this.#welcome = frame;
    this.#head = frame.head;
    this.#oldest = frame.oldest;
    this.#present(frame.presence);
    const { attempt } = this.#connector;
    this.#connector.welcomed();
    this.#tell("welcome", frame);
    // A listener may have closed the room, or dropped the connection.
    if (attempt !== this.#connector.attempt) return;
    if (!this.#isDeaf) this.#begin(frame);
    this.#outbox.online(frame.limits);
    if (this.#readSeq) this.#connector.send({ type: "read", seq: this.#readSeq });
  }

  /** @param {Welcome} frame */
  #begin({ after, oldest, epoch, recovered }) {
    const asked = this.#cursor.after;
    this.#cursor.epoch = epoch;
    if (asked === null) {
      this.#cursor.after = this.#feed.seq = after;
      this.#feed.epoch = epoch;
    } else if (!recovered || after > asked) {
      this.#cursor.after = after;
      this.#readSeq = 0;
      this.#feed.gap({ after, oldest, epoch });
    } else {
      this.#feed.epoch ??= epoch;
    }
  }

  /** @param {Entry} frame */
  #entry(frame) {
    this.#noteHead(frame.seq);
    if (frame.ref && frame.by.id === this.you?.id) this.#outbox.stored(frame);
    const last = this.#cursor.after ?? 0;
    if (this.#isDeaf || frame.seq <= last) return;
    if (frame.seq > last + 1) return this.#mend();
    if (this.#feed.size >= this.#buffer) return this.#overflow();
    this.#distrust.reset();
    this.#cursor.after = frame.seq;
    if (frame.type === "item" && frame.title !== undefined && this.#welcome) {
      this.#welcome.item.title = frame.title;
    }
    this.#feed.push(frame);
    this.#tell("entry", frame);
  }

  /** @param {Live} frame */
  #caughtUp(frame) {
    this.#noteHead(frame.seq);
    if (!this.#isDeaf && frame.seq > (this.#cursor.after ?? 0)) return this.#mend();
    this.#connector.become("live");
    this.#tell("live", frame);
  }

  /** A hole is a broken promise: what is missing has to come first. */
  #mend() {
    this.#connector.retreat("hole", this.#distrust.next());
  }

  /** Nobody reads: what comes now is fetched when there is room for it. */
  #overflow() {
    this.#isDeaf = true;
    // Commands go on: whoever reads may be waiting for the answer to one.
    if (this.#outbox.isEmpty) this.#connector.rest("buffer_full");
    else this.#connector.again("buffer_full");
  }

  #taken() {
    if (!this.#isDeaf || this.#connector.isOver || this.#feed.size > this.#buffer / 2) return;
    this.#isDeaf = false;
    this.#connector.again("buffer_free");
  }

  /** @param {number} seq */
  #noteHead(seq) {
    this.#head = Math.max(this.#head, seq);
  }

  /** @param {{count: number, users?: User[], join?: User[], leave?: User[]}} change */
  #present(change) {
    this.#presence.apply(change);
    if (!this.#presence.isPartial) this.#hasAskedPresence = false;
    else if (!this.#hasAskedPresence && this.#outbox.spare()) {
      this.#hasAskedPresence = true;
      this.#connector.send({ type: "presence" });
    }
  }
}

/** 128 random bits; `crypto.randomUUID` is only there in secure contexts. */
function newRef() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
