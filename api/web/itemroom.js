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

// Entries and other things that a room tells of.

/**
 * @typedef {{id: string, name: string}} User
 * @typedef {"reader" | "writer" | "admin"} Role
 * @typedef {"done" | "failed" | "stopped" | "interrupted"} FinishState
 */

/**
 * The entries of the log. `type` tells them apart, and which fields they have.
 *
 * @typedef {{seq: number, at: string, by: User, ref?: string, via?: string}} Common
 * @typedef {Common & {type: "message", body?: any, edited_seq?: number, deleted_seq?: number,
 *   open?: true, length?: number}} Message While it is `open`, its text grows.
 * @typedef {Common & {type: "edit", target: number, body?: any, deleted_seq?: number}} Edit
 * @typedef {Common & {type: "delete", target: number}} Deletion
 * @typedef {Common & {type: "reaction", target: number, value: string, on: boolean}} Reaction
 * @typedef {Common & {type: "member", user: User, role: Role | null}} MemberChange
 * @typedef {Common & {type: "item", title?: string, default_role?: Role | null}} ItemChange
 * @typedef {Common & {type: "stop", target: number}} Stop
 * @typedef {Common & {type: "finish", target: number, state: FinishState, error?: any, body?: any}} Finish
 * @typedef {Message | Edit | Deletion | Reaction | MemberChange | ItemChange | Stop | Finish} Entry
 */

/**
 * The log does not go on where it was left: what was built from earlier entries is to be built
 * anew from those after `after`.
 *
 * @typedef {{after: number, oldest: number, epoch: string}} Gap
 */

/** Something to tell the application of. */
class Happening {
  /**
   * @param {string} type
   * @param {any} detail
   */
  constructor(type, detail) {
    this.type = type;
    this.detail = detail;
  }
}

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
 * @typedef {{seq: number, by: User, at: string, kind: "message", preview: string}} LastMessage
 * @typedef {{item: {id: string, title: string}, role: Role | null, head: number, read_seq: number,
 *   unread: number, mentions: number, last: LastMessage | null, active_at: string}} InboxItem One of
 *   somebody's items as it is for them.
 * @typedef {{type: "ack", seq: number, at: string, ref?: string, duplicate?: true}} Ack
 * @typedef {{type: "error", code: string, message: string, ref?: string, retry_after?: number,
 *   target?: number, length?: number}} ErrorFrame
 * @typedef {{type: "appended", target: number, length: number, part?: number, stopped?: true,
 *   duplicate?: true}} Appended
 * @typedef {{type: "append", target: number, at: number, text: string, part?: number}} Append More text
 *   of a message; places are counted in code points.
 * @typedef {{type: "open", seq: number, at: string, by: User, body: any, length: number}} Open A message
 *   in the making as it stands now.
 * @typedef {{type: "signal", name: string, by: User, body: any}} Signal
 * @typedef {{type: "read", by: User, seq: number}} Read
 * @typedef {{type: "role", role: Role}} RoleChange
 * @typedef {{type: "expiring", in: number}} Expiring
 * @typedef {{type: "auth", expires_at: string | null}} Auth
 * @typedef {{type: "pong", head: number | null}} Pong
 * @typedef {{type: "closing", code: number, reason: string, retry: Retry, retry_after?: number,
 *   message?: string}} Closing
 * @typedef {Welcome | Entry | Live | Ack | ErrorFrame | Appended | Append | Open | Signal | Read
 *   | PresenceChange | RoleChange | Expiring | Auth | Pong | Closing} ServerFrame
 */

/**
 * What has to be a number. Throws a `TypeError`.
 *
 * @param {unknown} value
 */
function number(value) {
  if (typeof value !== "number") throw new TypeError("not a number");
  return value;
}

/**
 * What has to be a text. Throws a `TypeError`.
 *
 * @param {unknown} value
 */
function text(value) {
  if (typeof value !== "string") throw new TypeError("not a text");
  return value;
}

// The one exception.

/** Codes of our own for ends that nobody has explained: the connection is just gone. */
const LOSSES = new Set([
  "unreachable",
  "lost",
  "silent",
  "offline",
  "garbled",
  "hole",
  "no_token",
  "buffer_full",
]);

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

/**
 * The end of a connection that was no refusal: there is sense in another one.
 *
 * @param {string} code One of `LOSSES`.
 * @param {string} [message]
 */
function lost(code, message) {
  return new Refused(code, message, { retry: "later" });
}

// What commands are waited for with.

/** Promises of the seqs of commands, by ref. */
class Answers {
  /** @type {Map<string, {promise: Promise<number>, resolve: (seq: number) => void,
   *   reject: (reason: Refused) => void}>} */
  #waiting = new Map();

  /**
   * @param {string} ref
   * @returns {Promise<number>} The seq, when it is stored. The same for the same ref.
   */
  to(ref) {
    const twin = this.#waiting.get(ref);
    if (twin) return twin.promise;
    /** @type {any} */
    const answer = {};
    answer.promise = new Promise((resolve, reject) => Object.assign(answer, { resolve, reject }));
    this.#waiting.set(ref, answer);
    return answer.promise;
  }

  /**
   * @param {string} ref
   * @param {number | Refused} result
   */
  settle(ref, result) {
    const answer = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    if (result instanceof Refused) answer?.reject(result);
    else answer?.resolve(result);
  }

  /**
   * There will be none any more.
   *
   * @param {Refused} reason
   */
  end(reason) {
    for (const ref of [...this.#waiting.keys()]) this.settle(ref, reason);
  }
}

// Time that passes.

/** What `setTimeout` can count to; more would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Milliseconds of a clock that nobody sets: waits must not grow by hours when the day's is. */
const uptime = () => performance.now();

// Where a client is in an item's log.

/** The place after which the log goes on, across connections. */
class Cursor {
  /** Entries are left where they are: the place stays, connections serve commands alone. */
  isDeaf = false;
  /** Whether one more entry can be kept. */
  hasRoom = true;
  #tail;
  /** On the newest connection. */
  #askedDeaf = false;

  /**
   * @param {number | null} [after] The seq of the last entry that is known; null: begin with the
   *   newest ones.
   * @param {string | null} [epoch] The life of the log that `after` belongs to.
   * @param {number} [tail] How many of the newest entries to begin with.
   */
  constructor(after = null, epoch = null, tail) {
    this.after = after;
    this.epoch = epoch;
    this.#tail = tail;
  }

  /**
   * What to ask for on the next connection.
   *
   * @returns {Record<string, string>}
   */
  query() {
    this.#askedDeaf = this.isDeaf;
    if (this.isDeaf) return { tail: "0" };
    const asked =
      this.after === null ? { tail: this.#tail } : { after: this.after, epoch: this.epoch };
    const given = Object.entries(asked).filter(([, value]) => value != null);
    return Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
  }

  /**
   * Begin where the server begins; a gap, if that is not where this client was.
   *
   * @param {Welcome} frame
   * @returns {Gap | null}
   */
  welcome({ after, oldest, epoch, recovered }) {
    if (this.#askedDeaf) {
      if (this.isDeaf) return null;
      throw hole(this.after ?? 0, after + 1); // It begins elsewhere.
    }
    const asked = this.after;
    // Whatever it says, it leaves out entries: to the application that is the same.
    const isGap = asked !== null && (!recovered || after > asked);
    this.epoch = epoch;
    if (asked === null || isGap) this.after = after;
    return isGap ? { after, oldest, epoch } : null;
  }

  /**
   * Whether an entry is new; it is then where this client is.
   *
   * @param {number} seq
   */
  take(seq) {
    const place = this.after ?? 0;
    if (this.isDeaf || seq <= place) return false;
    if (seq > place + 1) throw hole(place, seq);
    if (!this.hasRoom) {
      this.isDeaf = true;
      throw lost("buffer_full", "Entries wait to be read.");
    }
    this.after = seq;
    return true;
  }

  /**
   * The server says that everything up to here was given.
   *
   * @param {number} seq
   */
  caughtUp(seq) {
    const place = this.after ?? 0;
    if (seq > place && !this.isDeaf) throw hole(place, seq + 1);
  }
}

/**
 * A broken promise: what is missing has to come first.
 *
 * @param {number} place
 * @param {number} seq
 */
function hole(place, seq) {
  return lost("hole", `After entry ${place} came ${seq}.`);
}

// How fast commands may be sent.

/** The server's own token bucket, kept here too: what is not sent is not refused. */
class Pace {
  #rate;
  #burst;
  #left;
  /** The server's bucket began as full as this one: so many are let through whenever they come. */
  #sure;
  #countedAt;

  /**
   * @param {number} rate Commands a second; 0 is no limit.
   * @param {number} burst Commands at once, after a rest.
   * @param {number} now
   */
  constructor(rate, burst, now) {
    this.#rate = rate;
    this.#burst = Math.max(burst, 1);
    this.#left = this.#sure = this.#burst;
    this.#countedAt = now;
  }

  /**
   * Whether the server surely has a token for the next one, even if the way compresses time.
   *
   * @param {number} now
   */
  isAmple(now) {
    if (!this.#rate || this.#sure > 0) return true;
    this.#fill(now);
    return this.#left > this.#burst / 2;
  }

  /**
   * @param {number} now
   * @returns {number} 0: taken; else nothing was, and these milliseconds have to pass first.
   */
  take(now) {
    if (!this.#rate) return 0;
    this.#fill(now);
    // A timer that fires a hair too early must not lead to a wait of nothing.
    if (this.#left < 1 - 1e-6) return ((1 - this.#left) / this.#rate) * 1000;
    this.#left -= 1;
    this.#sure -= 1;
    return 0;
  }

  /**
   * The server's bucket turned out to be empty: then so is this one, as of now.
   *
   * @param {number} now
   */
  empty(now) {
    this.#fill(now);
    this.#left = this.#sure = 0;
  }

  /** @param {number} now */
  #fill(now) {
    const earned = ((now - this.#countedAt) / 1000) * this.#rate;
    this.#countedAt = now;
    this.#left = Math.min(this.#burst, this.#left + earned);
  }
}

// Commands that wait to be sent, or to be answered.

/** What each command becomes in the log. */
const STORED_AS = new Map([
  ["publish", "message"],
  ["edit", "edit"],
  ["delete", "delete"],
  ["react", "reaction"],
  ["start", "message"],
  ["finish", "finish"],
  ["stop", "stop"],
]);
/** Refusals of a command that say "not now" and mean the command no harm. */
const PASSING = new Set(["rate_limited", "busy", "draining"]);
/** Milliseconds, where such a refusal does not say when. */
const PASSING_WAIT = 1_000;
/** As a `ref` may be written; see "Words". */
const REF = /^(?:[^\p{C}\p{Z}]| ){1,64}$/u;

/** Something to be stored, under a ref that makes sending it again safe. */
class Command {
  /** Sent on this connection, and not answered. */
  isOut = false;
  /** A connection ended between sending it and its answer: it may be stored. */
  wasLost = false;

  /** @param {string} text The frame. */
  constructor(text) {
    this.text = text;
  }

  /**
   * Whether an entry is what this becomes in the log.
   *
   * @param {any} entry
   */
  isStoredAs(entry) {
    const fields = JSON.parse(this.text);
    if (STORED_AS.get(fields.type) !== entry.type) return false;
    return ["target", "value", "on", "body", "state", "error"].every(
      (name) => JSON.stringify(fields[name]) === JSON.stringify(entry[name]),
    );
  }

  /** @param {number} bytes */
  isLongerThan(bytes) {
    // No character takes more than three bytes a UTF-16 unit.
    return this.text.length * 3 > bytes && new TextEncoder().encode(this.text).length > bytes;
  }
}

/** Every command from its giving until it is stored or refused. */
class Outbox {
  #limit;
  /** @type {Map<string, Command>} By ref, in the order in which they were given. */
  #commands = new Map();
  #window = 1;
  #out = 0;
  /** The server has said "not now": our idea of its pace is wrong. */
  #isWary = false;
  /** Nothing is sent before this time. */
  #resumesAt = -Infinity;

  /** @param {number} limit How many, at most. */
  constructor(limit) {
    this.#limit = limit;
  }

  get isEmpty() {
    return this.#commands.size === 0;
  }

  /** Whether something was sent that has no answer yet. */
  get isAwaiting() {
    return this.#out > 0;
  }

  /**
   * Take a command. One that waits already, with the same ref and content, is the same command.
   *
   * @param {string} type
   * @param {object} fields
   * @param {string} [ref]
   * @returns {string} Its ref.
   */
  add(type, fields, ref = newRef()) {
    if (!REF.test(ref)) throw new Refused("bad_message", "A ref is 1 to 64 printable characters.");
    const text = JSON.stringify({ type, ref, ...fields });
    const fault = faultIn(JSON.parse(text));
    if (fault) throw new Refused("bad_message", fault);
    const twin = this.#commands.get(ref);
    if (twin?.text === text) return ref;
    if (twin) {
      throw new Refused("ref_conflict", "This ref waits for the answer to something else.");
    }
    if (this.#commands.size >= this.#limit) {
      throw new Refused("outbox_full", "Too many commands wait for an answer.", { retry: "later" });
    }
    this.#commands.set(ref, new Command(text));
    return ref;
  }

  /**
   * The server welcomes: what was not answered is sent again, in order.
   *
   * @param {number} inFlight How many it lets wait.
   */
  connected(inFlight) {
    this.dropped();
    this.#isWary = false;
    // Half of what the server lets wait: read markers count there too.
    this.#window = Math.max(1, Math.floor(inFlight / 2));
  }

  /** The connection is no more. */
  dropped() {
    this.#out = 0;
    this.#resumesAt = -Infinity;
    for (const command of this.#commands.values()) {
      command.wasLost ||= command.isOut;
      command.isOut = false;
    }
  }

  /** @param {number} now */
  isPaused(now) {
    return now < this.#resumesAt;
  }

  /**
   * @param {number} now
   * @param {Pace} pace
   * @returns {{texts: string[], wait: number}} Frames to send now, and how long until more are
   *   due; Infinity: when something changes.
   */
  due(now, pace) {
    /** @type {string[]} */
    const texts = [];
    if (this.isPaused(now)) return { texts, wait: this.#resumesAt - now };
    if (this.isEmpty) this.#isWary = false;
    for (const command of this.#commands.values()) {
      if (this.#out >= this.#window) break;
      if (command.isOut) continue;
      // What might be refused goes alone: what is sent behind it could be stored before it.
      if (this.#out && (this.#isWary || !pace.isAmple(now))) break;
      const wait = pace.take(now);
      if (wait) return { texts, wait };
      command.isOut = true;
      this.#out += 1;
      texts.push(command.text);
    }
    return { texts, wait: Infinity };
  }

  /**
   * A command was answered; whether it was here.
   *
   * @param {string} [ref]
   */
  settle(ref = "") {
    if (this.#commands.get(ref)?.isOut) this.#out -= 1;
    return this.#commands.delete(ref);
  }

  /**
   * A command was refused.
   *
   * @param {Refused} refused
   * @param {string} ref
   * @param {number} now
   * @returns {"unknown" | "final" | "passing"} Passing: it keeps its place, and what was given
   *   later waits behind it.
   */
  refused(refused, ref, now) {
    const command = this.#commands.get(ref);
    if (!command) return "unknown";
    if (!PASSING.has(refused.code)) {
      this.settle(ref);
      return "final";
    }
    if (command.isOut) this.#out -= 1;
    command.isOut = false;
    this.#isWary = true;
    const wait = refused.retryAfter === null ? PASSING_WAIT : refused.retryAfter * 1000;
    this.#resumesAt = Math.max(this.#resumesAt, now + wait);
    return "passing";
  }

  /**
   * Whether an entry of mine is what a command has done, whose answer was lost.
   *
   * @param {Entry} entry
   */
  wasStored(entry) {
    const command = this.#commands.get(entry.ref ?? "");
    return command !== undefined && command.wasLost && command.isStoredAs(entry);
  }

  /**
   * Those that the server would close the connection for.
   *
   * @param {number} limit Bytes of a frame.
   * @returns {string[]} Their refs.
   */
  tooBig(limit) {
    return [...this.#commands].filter(([, one]) => one.isLongerThan(limit)).map(([ref]) => ref);
  }

  /**
   * @param {string} ref
   * @param {number} limit Bytes of a frame.
   */
  isTooBig(ref, limit) {
    return this.#commands.get(ref)?.isLongerThan(limit) ?? false;
  }
}

/** 128 random bits; `crypto.randomUUID` is only there in secure contexts. */
function newRef() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Where a room is.

const ITEM_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * The address of an item's room.
 *
 * @param {string} base The server's.
 * @param {string} item
 * @param {string} [page] What a relative address is relative to.
 */
function roomUrl(base, item, page) {
  if (typeof item !== "string" || !ITEM_ID.test(item)) {
    throw new TypeError(`not the id of an item: ${item}`);
  }
  const url = new URL(base, page);
  if (!/^(?:http|ws)s?:$/.test(url.protocol)) throw new TypeError(`not a server: ${base}`);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/items/${item}/ws`;
  url.search = url.hash = "";
  return url;
}

/** Frames as JSON. */
const SUBPROTOCOL = "itemroom.v1.json";

// What is sent besides commands.

/** Frames of one connection, and the read marker, which every connection is told. */
class Asides {
  /** @type {string[]} */
  #urgent = [];
  /** How far the user has read. */
  #read = 0;
  /** On this connection. */
  #isReadSent = false;

  /** What was for an earlier connection is void. */
  connected() {
    this.#urgent = [];
  }

  /** @param {{isAnew: boolean}} log In another log the marker would be another place. */
  welcomed({ isAnew }) {
    this.#isReadSent = false;
    if (isAnew) this.#read = 0;
  }

  /** @param {object} frame */
  add(frame) {
    this.#urgent.push(JSON.stringify(frame));
  }

  /** @param {number} seq */
  read(seq) {
    if (seq <= this.#read) return;
    this.#read = seq;
    this.#isReadSent = false;
  }

  /** @param {{isWelcomed: boolean}} connection Before that the server takes no marker. */
  due({ isWelcomed }) {
    const texts = this.#urgent.splice(0);
    if (isWelcomed && this.#read && !this.#isReadSent) {
      this.#isReadSent = true;
      texts.push(JSON.stringify({ type: "read", seq: this.#read }));
    }
    return texts;
  }
}

// Messages in the making: how their texts grow, and which there are.

/** Messages that have ended whose texts are still there for whoever reads them slowly. */
const MAX_ENDED = 100;

/**
 * The text of a body that grows: its own, or that of one of its `parts`.
 *
 * @param {any} body
 * @param {number | null} part Null: its own.
 * @returns {string | undefined}
 */
function growingText(body, part) {
  if (part === null && typeof body === "string") return body;
  const text = (part === null ? body : body?.parts?.[part])?.text;
  return typeof text === "string" ? text : undefined;
}

/**
 * A body with more text behind what it has; another object.
 *
 * @param {any} body
 * @param {string} text
 * @param {number | null} part
 */
function grown(body, text, part) {
  if (typeof body === "string") return body + text;
  if (part === null) return { ...body, text: body.text + text };
  const parts = [...body.parts];
  parts[part] = { ...parts[part], text: parts[part].text + text };
  return { ...body, parts };
}

/**
 * How long a text is in Unicode code points, in which the server counts.
 *
 * @param {string} text
 */
function pointsIn(text) {
  let points = 0;
  for (const _ of text) points += 1;
  return points;
}

/** A message in the making, and for a while afterwards. */
class Draft {
  /** @type {{reason: Refused | null} | null} Why it grows no more: null, when it is complete. */
  end = null;
  /** Somebody wants it to stop. */
  isStopped = false;
  /** What it became does not begin with what it was. */
  isRewritten = false;
  /** @type {Map<number | null, number>} In code points, by part; what was counted already. */
  #lengths = new Map();
  /** @type {{promise: Promise<void>, resolve: () => void} | null} Made when somebody waits. */
  #change = null;

  /** @param {any} body */
  constructor(body) {
    this.body = body;
  }

  /** The next change. @returns {Promise<void>} */
  get change() {
    this.#change ??= deferred();
    return this.#change.promise;
  }

  /** @param {any} body As it stands now. */
  replace(body) {
    const before = growingText(this.body, null) ?? "";
    this.isRewritten ||= !(growingText(body, null) ?? "").startsWith(before);
    this.body = body;
    this.#lengths.clear();
    this.#moved();
  }

  /** More text. Throws, when it does not go where the text ends. @param {Append} addition */
  add({ at, text, ...more }) {
    const part = more.part ?? null;
    const before = growingText(this.body, part);
    const length = before === undefined ? -1 : (this.#lengths.get(part) ?? pointsIn(before));
    if (at !== length) throw lost("hole", `At ${length} of a text came what goes to ${at}.`);
    this.body = grown(this.body, text, part);
    this.#lengths.set(part, length + pointsIn(text));
    this.#moved();
  }

  /** @param {Refused | null} reason */
  close(reason) {
    this.end ??= { reason };
    this.#moved();
  }

  #moved() {
    this.#change?.resolve();
    this.#change = null;
  }
}

/** Those of a room, and the newest that were. */
class Drafts {
  /** @type {Map<number, Draft>} By seq. */
  #drafts = new Map();
  /** @type {number[]} Seqs of those that have ended, the oldest first. */
  #ended = [];
  /** @type {Set<number>} On this connection nothing has come of them yet. */
  #unsure = new Set();
  /** @type {number | null} Up to here all are known; null: not before `live`. */
  #upTo = null;
  /** @type {{reason: Refused | null} | null} */
  #over = null;
  #news = deferred();

  /** @param {number} seq */
  get(seq) {
    return this.#drafts.get(seq);
  }

  /**
   * One of them, as soon as it is known; undefined: it is not in the making.
   *
   * @param {number} seq
   * @returns {Promise<Draft | undefined>} Rejects, when the room is refused.
   */
  async find(seq) {
    while (!this.#drafts.has(seq) && (this.#upTo ?? 0) < seq) {
      if (this.#over?.reason) throw this.#over.reason;
      if (this.#over) return undefined;
      await this.#news.promise;
    }
    return this.#drafts.get(seq);
  }

  /** A connection begins: those that are still in the making are told of before `live`. */
  welcomed() {
    this.#upTo = null;
    for (const [seq, { end }] of this.#drafts) if (!end) this.#unsure.add(seq);
  }

  /** @param {number} seq @param {{isDeaf: boolean}} cursor Deaf, it is not told how they end. */
  live(seq, { isDeaf }) {
    const gone = isDeaf ? [] : [...this.#unsure];
    for (const one of gone) this.#close(one, new Refused("gap", "It is not known what became of it."));
    this.#unsure.clear();
    this.#upTo = seq;
    this.#moved();
  }

  /** @param {Entry | Open | Append} frame */
  take(frame) {
    if (frame.type === "append") return this.#add(frame);
    if (frame.type === "open" || (frame.type === "message" && frame.open)) this.#open(frame);
    else if (frame.type === "message") this.#complete(frame.seq, frame.body);
    else if (frame.type === "finish") this.#complete(frame.target, frame.body);
    else if (frame.type === "delete") this.#complete(frame.target, undefined);
    else if (frame.type === "stop") this.#stop(frame.target);
    if (this.#upTo !== null) this.#upTo = Math.max(this.#upTo, frame.seq);
    this.#moved();
  }

  /** There is no room any more. @param {Refused | null} reason */
  end(reason) {
    this.#over ??= { reason };
    for (const draft of this.#drafts.values()) draft.close(reason);
    this.#moved();
  }

  /** @param {Append} frame */
  #add(frame) {
    const draft = this.#drafts.get(frame.target);
    if (!draft || draft.end) throw lost("hole", `There is no text for more of ${frame.target}.`);
    draft.add(frame);
  }

  /** @param {{seq: number, body?: any}} frame */
  #open({ seq, body }) {
    this.#unsure.delete(seq);
    const known = this.#drafts.get(seq);
    if (known && !known.end) known.replace(body);
    else this.#drafts.set(seq, new Draft(body));
  }

  /** @param {number} seq @param {any} body Undefined: all of it is here already. */
  #complete(seq, body) {
    const draft = this.#drafts.get(seq);
    if (!draft || draft.end) return;
    if (body !== undefined) draft.replace(body);
    this.#close(seq, null);
  }

  /** @param {number} seq @param {Refused | null} reason */
  #close(seq, reason) {
    this.#unsure.delete(seq);
    this.#drafts.get(seq)?.close(reason);
    this.#ended.push(seq);
    if (this.#ended.length > MAX_ENDED) this.#drafts.delete(/** @type {number} */ (this.#ended.shift()));
  }

  /** @param {number} seq */
  #stop(seq) {
    const draft = this.#drafts.get(seq);
    if (draft) draft.isStopped = true;
  }

  #moved() {
    this.#news.resolve();
    this.#news = deferred();
  }
}

/** @returns {{promise: Promise<void>, resolve: () => void}} */
function deferred() {
  /** @type {any} */
  const one = {};
  one.promise = new Promise((resolve) => Object.assign(one, { resolve }));
  return one;
}

// Who is here.

/** Above this many users the server lists nobody. */
const MAX_LISTED = 200;

/** The users in a room, kept current, as far as the server says. */
class Presence {
  count = 0;
  /** @type {User[]} Empty while there are more than the server lists. */
  users = [];

  /**
   * Take what `welcome` or a `presence` frame says.
   *
   * @param {{count: number, users?: User[], join?: User[], leave?: User[]}} change
   */
  update({ count, users, join = [], leave = [] }) {
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

// What a client knows of a room without its entries.

/** Kept current by what comes; null before the first `welcome`. */
class Picture {
  presence = new Presence();
  /** @type {Welcome | null} The newest one. */
  welcome = null;
  /** @type {User & {role: Role} | null} */
  you = null;
  /** @type {{id: string, title: string | null} | null} */
  item = null;
  head = 0;
  oldest = 1;

  /** @param {Welcome} frame */
  begin(frame) {
    this.welcome = frame;
    this.you = { ...frame.you };
    this.item = { ...frame.item };
    this.head = frame.head;
    this.oldest = frame.oldest;
    this.presence.update(frame.presence);
  }

  /** @param {Entry} frame */
  apply(frame) {
    this.noteHead(frame.seq);
    if (frame.type === "item" && frame.title !== undefined && this.item) {
      this.item.title = frame.title;
    }
  }

  /** @param {number} seq */
  noteHead(seq) {
    this.head = Math.max(this.head, seq);
  }
}

// How long to wait before the next connection.

// Milliseconds. Full jitter: clients that were cut off together must not come back together.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;

/** Random times below a bound that doubles with each failure in a row. */
class Backoff {
  #failures = 0;

  /** The server has proved that it works. */
  reset() {
    this.#failures = 0;
  }

  /** @returns {number} Milliseconds to wait now; longer, at random, each time. */
  next() {
    return Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures++);
  }
}

// Whether to come back after a connection has ended, and when.

/** What earlier ends say about the next attempt. */
class Returning {
  #canRenew;
  #backoff = new Backoff();
  /** Of a server whose replay has holes: a `welcome` of it is not yet a success. */
  #distrust = new Backoff();
  /** Another credential was tried because the server refused one, and no `welcome` came. */
  #hasRenewed = false;

  /** @param {boolean} canRenew Whether there is a newer credential to be had. */
  constructor(canRenew) {
    this.#canRenew = canRenew;
  }

  /** The server has let us in. */
  welcomed() {
    this.#hasRenewed = false;
    this.#backoff.reset();
  }

  /** An entry came in its place. */
  trusted() {
    this.#distrust.reset();
  }

  /**
   * @param {Refused} refused Thrown again, when there is no sense in another attempt.
   * @returns {number} Milliseconds until it.
   */
  after(refused) {
    if (refused.retry === "after_auth" && this.#canRenew && !this.#hasRenewed) {
      this.#hasRenewed = true;
    } else if (refused.retry !== "later") throw refused;
    const wait = (refused.code === "hole" ? this.#distrust : this.#backoff).next();
    return (refused.retryAfter ?? 0) * 1000 + wait;
  }
}

// Whether a connection still works, although nobody says that it does not.

/** The question for a sign of life. */
const PING = JSON.stringify({ type: "ping" });
// All in milliseconds.
/** From the begin of an attempt to the first frame: a handshake may hang for minutes in a browser. */
const WELCOME_PATIENCE = 15_000;
/** Silence before a ping: a browser does not see the server's own pings. */
const QUIET = 25_000;
const PATIENCE = 10_000;
/** The same while a command waits for its answer, twice: somebody looks at it. */
const HASTE = 2_400;
/** Characters a millisecond that the slowest network carries: what was sent takes its time. */
const SLOWEST = 4;

/** Times since a connection was heard, and until it has to be. */
class Silence {
  #heardAt = 0;
  /** @type {number | null} Something has to come before this. */
  #deadline = null;
  /** @type {number | null} When somebody began to wait for an answer; null: nobody does. */
  #awaitedAt = null;
  /** Characters that were sent since something came. */
  #unanswered = 0;

  /**
   * A connection begins.
   *
   * @param {number} now
   */
  begin(now) {
    this.heard(now);
    this.#awaitedAt = null;
    this.#deadline = now + WELCOME_PATIENCE;
  }

  /** @param {number} now */
  heard(now) {
    this.#heardAt = now;
    this.#deadline = null;
    this.#unanswered = 0;
  }

  /** @param {string} text */
  sent(text) {
    this.#unanswered += text.length;
  }

  /**
   * A ping is sent, whose answer has to come.
   *
   * @param {number} now
   * @param {number} patience
   */
  asked(now, patience) {
    this.#deadline = now + patience;
  }

  /**
   * Throws `Refused`, if nothing came in time.
   *
   * @param {number} now
   */
  check(now) {
    if (this.#deadline !== null && now >= this.#deadline) {
      throw lost("silent", "The server says nothing any more.");
    }
  }

  /**
   * @param {number} now
   * @param {boolean} isAwaited Whether a command waits for its answer.
   * @returns {{isPingDue: boolean, wait: number}} `wait`: until this is to be asked again.
   */
  watch(now, isAwaited) {
    this.#awaitedAt = isAwaited ? (this.#awaitedAt ?? now) : null;
    let isPingDue = false;
    if (this.#deadline === null) {
      const quiet = this.#awaitedAt === null ? QUIET : HASTE;
      const left = Math.max(this.#heardAt, this.#awaitedAt ?? 0) + quiet - now;
      if (left > 0) return { isPingDue, wait: left };
      isPingDue = true;
      this.asked(now, isAwaited ? HASTE + this.#unanswered / SLOWEST : PATIENCE);
    }
    return { isPingDue, wait: /** @type {number} */ (this.#deadline) - now };
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

/**
 * What a `closing` frame says. A verdict that is not known is a final one.
 *
 * @param {Closing} frame
 */
function closing({ code, reason, message, retry, retry_after: wait }) {
  return new Refused(reason, message, {
    retry: retry === "later" || retry === "after_auth" ? retry : "never",
    retryAfter: seconds(wait),
    closeCode: code ?? null,
  });
}

/**
 * What an end without a `closing` frame means.
 *
 * @param {number} code
 * @param {string} reason
 */
function closed(code, reason) {
  const mistake = MISTAKES.get(code);
  return mistake ? new Refused(reason || mistake, "", { closeCode: code }) : lost("lost");
}

/**
 * What an HTTP answer says that is no success.
 *
 * @param {number} status
 * @param {string} text
 * @param {string | null} [retryAfter] The header.
 */
function denied(status, text, retryAfter) {
  const problem = problemIn(text);
  const code = String(problem.code ?? `http_${status}`);
  /** @type {Retry} */
  const retry = CREDENTIALS.has(code) ? "after_auth" : "never";
  return new Refused(code, String(problem.detail ?? ""), {
    retry: status === 429 || status >= 500 ? "later" : retry,
    retryAfter: seconds(problem.retry_after) ?? seconds(retryAfter),
  });
}

/**
 * What an `error` frame says.
 *
 * @param {ErrorFrame} frame
 */
function refusal({ code, message, retry_after: wait }) {
  const retryAfter = seconds(wait);
  return new Refused(code, message, { retry: retryAfter === null ? "never" : "later", retryAfter });
}

/**
 * Sent, it would close the connection for good.
 *
 * @param {number} limit Bytes of a frame.
 */
function tooBig(limit) {
  return new Refused("too_big", `A frame has at most ${limit} bytes.`);
}

/** @param {string} text */
function problemIn(text) {
  try {
    const problem = JSON.parse(text);
    return typeof problem?.code === "string" ? problem : {};
  } catch {
    return {}; // The page of a proxy.
  }
}

/**
 * A time to wait; null for a date, which Retry-After may be too, and for nonsense.
 *
 * @param {unknown} value
 */
function seconds(value) {
  const wait = value == null || value === "" ? NaN : Number(value);
  return Number.isFinite(wait) && wait >= 0 ? wait : null;
}

// Texts of messages in the making that are written here, until they are on the server's disk.

/** Refusals that say "not now". */
const NOT_NOW = new Set(["rate_limited", "busy", "draining"]);
/** Milliseconds, where such a refusal does not say when. */
const NOT_NOW_WAIT = 1_000;
/** UTF-16 units of one addition; written as JSON none takes more than six bytes. */
const MAX_UNITS = 8_192;

/** One text that grows: all of it, and how much of it is stored. */
class Growing {
  /** The first half of a character whose second has not come. */
  #half = "";

  /** @param {string} text What is stored already. */
  constructor(text) {
    this.text = text;
    this.units = text.length;
    this.points = pointsIn(text);
  }

  get isStored() {
    return this.units === this.text.length;
  }

  /** @param {string} text */
  add(text) {
    if (text.includes("\0")) throw new Refused("bad_message", "Text must not contain U+0000.");
    const whole = this.#half + text;
    this.#half = /[\uD800-\uDBFF]$/.exec(whole)?.[0] ?? "";
    const given = this.#half ? whole.slice(0, -1) : whole;
    // As a TextEncoderStream has it: half a character that stays alone is no character.
    this.text += given.replace(/\p{Surrogate}/gu, "\uFFFD");
  }

  /** Nothing comes behind it. */
  close() {
    if (this.#half) this.text += "\uFFFD";
    this.#half = "";
  }

  /** What comes next, at most so long. @param {number} units */
  next(units) {
    const text = this.text.slice(this.units, this.units + units);
    const isCut = this.units + units < this.text.length && /[\uD800-\uDBFF]$/.test(text);
    return isCut ? text.slice(0, -1) : text;
  }

  /** So much is stored; whether there is so much. @param {number} points */
  reach(points) {
    const isBehind = points >= this.points;
    let units = isBehind ? this.units : 0;
    for (let left = points - (isBehind ? this.points : 0); left > 0; left--) {
      if (units >= this.text.length) return false;
      units += /** @type {number} */ (this.text.codePointAt(units)) > 0xffff ? 2 : 1;
    }
    this.units = units;
    this.points = points;
    return true;
  }
}

/** One message in the making. */
class Writing {
  stopping = new AbortController();
  /** @type {Refused | null} Why nothing can be added any more. */
  error = null;
  /** @type {Promise<number> | null} Since it was asked for. */
  finished = null;
  #seq;
  #body;
  /** @type {Map<number | null, Growing>} By part. */
  #texts = new Map();
  /** @type {{growing: Growing} | null} What has no answer yet; one at a time, so that the rest is joined. */
  #out = null;
  #resumesAt = -Infinity;
  /** What is not stored yet is of no use any more. */
  #isReplaced = false;
  /** @type {{resolve: () => void, reject: (reason: Refused) => void} | null} */
  #waiting = null;

  /** @param {number} seq @param {Draft} draft */
  constructor(seq, { body, isStopped }) {
    this.#seq = seq;
    this.#body = body;
    if (isStopped) this.stop();
  }

  get isAwaiting() {
    return this.#out !== null;
  }

  /** All of a text, with what is not stored yet. @param {number | null} part */
  text(part) {
    return this.#growing(part).text;
  }

  /** @param {string} text @param {number | null} part */
  add(text, part) {
    if (this.error) throw this.error;
    if (this.finished) throw new Refused("stream_closed", "It is finished.");
    this.#growing(part).add(text);
  }

  /**
   * Nothing comes behind it.
   *
   * @param {{isReplaced: boolean}} options Something else takes the place of all of it.
   * @returns {Promise<void>} When all of it is stored.
   */
  close({ isReplaced }) {
    for (const growing of this.#texts.values()) growing.close();
    this.#isReplaced = isReplaced;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#settle();
    });
  }

  /** Somebody wants it to stop. */
  stop() {
    this.stopping.abort(new Refused("stopped", "Somebody wants it to stop."));
  }

  /** Nothing can be added any more. @param {Refused} reason */
  fail(reason) {
    this.error ??= reason;
    this.#out = null;
    this.stopping.abort(this.error);
    this.#settle();
  }

  /** The connection is no more: what has no answer may be stored, or not. */
  dropped() {
    this.#out = null;
    this.#resumesAt = -Infinity;
  }

  /**
   * @param {number} now
   * @param {number} maxUnits
   * @returns {{text: string | null, wait: number}} The frame to send now, and how long until more.
   */
  due(now, maxUnits) {
    if (this.#out || this.error || this.#isReplaced) return { text: null, wait: Infinity };
    const [part, growing] = [...this.#texts].find(([, one]) => !one.isStored) ?? [];
    if (part === undefined || !growing) return { text: null, wait: Infinity };
    if (now < this.#resumesAt) return { text: null, wait: this.#resumesAt - now };
    this.#out = { growing };
    const more = { target: this.#seq, at: growing.points, text: growing.next(maxUnits) };
    return { text: JSON.stringify({ type: "append", ...more, part: part ?? undefined }), wait: Infinity };
  }

  /** So long is the text now. @param {number} length */
  reach(length) {
    const isHere = this.#out?.growing.reach(length) ?? true;
    this.#out = null;
    if (isHere || this.#isReplaced) this.#settle();
    else this.#lose();
  }

  /**
   * What was sent does not fit: a server that was set back lacks some, or it is another's text.
   *
   * @param {number} length
   */
  misplaced(length) {
    if (length < (this.#out?.growing.points ?? 0)) this.reach(length);
    else if (this.#out) this.#lose();
  }

  #lose() {
    this.fail(new Refused("bad_offset", "Somebody else has written this text."));
  }

  /** Not now. @param {Refused} refused @param {number} now */
  pause({ retryAfter }, now) {
    this.#out = null;
    this.#resumesAt = now + (retryAfter === null ? NOT_NOW_WAIT : retryAfter * 1000);
  }

  #settle() {
    const isStored = [...this.#texts.values()].every((one) => one.isStored);
    if (this.error) this.#waiting?.reject(this.error);
    else if (isStored || (this.#isReplaced && !this.#out)) this.#waiting?.resolve();
  }

  /** @param {number | null} part */
  #growing(part) {
    const known = this.#texts.get(part);
    if (known) return known;
    const text = growingText(this.#body, part);
    if (text === undefined) throw new Refused("bad_message", "There is no such text in its body.");
    const growing = new Growing(text);
    this.#texts.set(part, growing);
    return growing;
  }
}

/** All that are written here. */
class Writings {
  /** @type {Map<number, Writing>} By seq. */
  #writings = new Map();

  get isEmpty() {
    return this.#writings.size === 0;
  }

  get isAwaiting() {
    return [...this.#writings.values()].some((one) => one.isAwaiting);
  }

  /** @param {number} seq @param {Draft} draft */
  begin(seq, draft) {
    const writing = this.#writings.get(seq) ?? new Writing(seq, draft);
    this.#writings.set(seq, writing);
    return writing;
  }

  /** @param {number} seq @param {Refused} reason */
  end(seq, reason) {
    this.#writings.get(seq)?.fail(reason);
    this.#writings.delete(seq);
  }

  /** @param {Refused} reason */
  endAll(reason) {
    for (const seq of [...this.#writings.keys()]) this.end(seq, reason);
  }

  dropped() {
    for (const writing of this.#writings.values()) writing.dropped();
  }

  /** @param {number} seq */
  stop(seq) {
    this.#writings.get(seq)?.stop();
  }

  /** @param {number} now @param {number} maxBytes Of a frame. */
  due(now, maxBytes) {
    const maxUnits = Math.max(2, Math.min(MAX_UNITS, Math.floor((maxBytes - 200) / 6)));
    const due = [...this.#writings.values()].map((one) => one.due(now, maxUnits));
    const texts = due.flatMap(({ text }) => text ?? []);
    return { texts, wait: Math.min(Infinity, ...due.map(({ wait }) => wait)) };
  }

  /** @param {Appended} frame */
  appended({ target, length, stopped }) {
    this.#writings.get(target)?.reach(length);
    if (stopped) this.stop(target);
  }

  /** An addition was refused. @param {ErrorFrame & {target: number}} frame @param {number} now */
  refused(frame, now) {
    const refused = refusal(frame);
    const writing = this.#writings.get(frame.target);
    if (refused.code === "bad_offset") writing?.misplaced(frame.length ?? 0);
    else if (NOT_NOW.has(refused.code)) writing?.pause(refused, now);
    else this.end(frame.target, refused);
  }
}

// All that a client knows and decides, across its connections. No input or output happens here:
// the shell tells it what came, and asks it what to send. Times are milliseconds of a monotonic
// clock.

/** What holds as long as a room is used, whatever happens to its connections. */
class Talk {
  picture = new Picture();
  drafts = new Drafts();
  writings = new Writings();
  isLive = false;
  #returning;
  /** On this connection. */
  #isWelcomed = false;
  #asides = new Asides();
  #hasAskedPresence = false;
  #pace = new Pace(0, 0, 0);
  #silence = new Silence();

  /**
   * @param {Cursor} cursor Where to begin.
   * @param {Outbox} outbox Holds the commands.
   * @param {{canRenew: boolean}} options Whether there is a newer credential to be had.
   */
  constructor(cursor, outbox, { canRenew }) {
    this.cursor = cursor;
    this.outbox = outbox;
    this.#returning = new Returning(canRenew);
  }

  /** Whether there is something for which a connection is needed, even if nobody reads. */
  get hasWork() {
    return !this.outbox.isEmpty || !this.writings.isEmpty;
  }

  /**
   * A connection is open, or on its way.
   *
   * @param {number} now
   */
  connected(now) {
    this.#silence.begin(now);
    this.#asides.connected();
  }

  /** The connection is no more, because we wanted it so. */
  dropped() {
    this.isLive = this.#isWelcomed = false;
    this.outbox.dropped();
    this.writings.dropped();
  }

  /**
   * The connection is no more.
   *
   * @param {Refused} refused Thrown again, when there is no sense in another one.
   * @returns {number} After how long to try again.
   */
  ended(refused) {
    this.dropped();
    return this.#returning.after(refused);
  }

  /**
   * A frame has come; what to tell the application. Throws `Refused`, if the connection is of no
   * use any more.
   *
   * @param {any} frame
   * @param {number} now
   * @returns {Happening[]}
   */
  received(frame, now) {
    this.#silence.heard(now);
    try {
      return this.#take(frame, now);
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw lost("garbled", "What came is not what a server of Itemroom says.");
    }
  }

  /**
   * @param {number} now
   * @returns {{texts: string[], wait: number}} Frames to send now, and how long until asking
   *   again. Throws `Refused`, if nothing comes any more.
   */
  outgoing(now) {
    this.#silence.check(now);
    const texts = this.#asides.due({ isWelcomed: this.#isWelcomed });
    let until = Infinity;
    if (this.#isWelcomed) {
      const due = this.outbox.due(now, this.#pace);
      texts.push(...due.texts);
      const added = this.writings.due(now, this.picture.welcome?.limits.frame_bytes ?? 0);
      texts.push(...added.texts);
      until = Math.min(due.wait, added.wait);
    }
    for (const text of texts) this.#silence.sent(text);
    const isAwaited = this.outbox.isAwaiting || this.writings.isAwaiting;
    const { isPingDue, wait } = this.#silence.watch(now, isAwaited);
    if (isPingDue) texts.push(PING);
    return { texts, wait: Math.min(wait, until) };
  }

  /**
   * Something to be stored. Throws `Refused`: `bad_message`, `outbox_full`, `ref_conflict`,
   * `too_big`.
   *
   * @param {string} type
   * @param {object} fields
   * @param {string} [given]
   * @returns {string} The ref under which it will be settled.
   */
  command(type, fields, given) {
    const ref = this.outbox.add(type, fields, given);
    const limit = this.picture.welcome?.limits.frame_bytes;
    if (limit !== undefined && this.outbox.isTooBig(ref, limit)) {
      this.outbox.settle(ref);
      throw tooBig(limit);
    }
    return ref;
  }

  /**
   * Something for those who are here now; nobody is, while this client is not live.
   *
   * @param {string} name
   * @param {unknown} body
   * @param {number} now
   */
  signal(name, body, now) {
    if (!this.isLive || !this.#hasPace(now)) return;
    this.#asides.add({ type: "signal", name, body });
  }

  /**
   * The user has read up to here.
   *
   * @param {number} seq
   */
  read(seq) {
    this.#asides.read(seq);
  }

  /**
   * Go on under a newer token.
   *
   * @param {string} token
   */
  renew(token) {
    this.#asides.add({ type: "auth", token });
  }

  /**
   * Ask for a sign of life.
   *
   * @param {number} now
   * @param {number} patience
   */
  ask(now, patience) {
    this.#asides.add({ type: "ping" });
    this.#silence.asked(now, patience);
  }

  /**
   * @param {ServerFrame} frame
   * @param {number} now
   * @returns {Happening[]}
   */
  #take(frame, now) {
    text(frame.type);
    switch (frame.type) {
      case "message":
      case "edit":
      case "delete":
      case "reaction":
      case "member":
      case "item":
      case "finish":
      case "stop":
        return this.#takeEntry(frame);
      case "open":
      case "append":
        this.drafts.take(frame);
        return [new Happening(frame.type, frame)];
      case "appended":
        this.writings.appended(frame);
        return [];
      case "welcome":
        return this.#takeWelcome(frame, now);
      case "live":
        return this.#takeLive(frame);
      case "ack":
        return [this.#settle(frame.ref, number(frame.seq))];
      case "error":
        return this.#takeError(frame, now);
      case "presence":
        return this.#takePresence(frame, now);
      case "role":
        if (this.picture.you) this.picture.you.role = frame.role;
        return [new Happening("role", frame)];
      case "pong":
        this.picture.noteHead(frame.head ?? 0);
        return [];
      case "closing":
        throw closing(frame);
      case "signal":
      case "read":
      case "expiring":
        return [new Happening(frame.type, frame)];
    }
    return [];
  }

  /** @param {Welcome} frame @param {number} now */
  #takeWelcome(frame, now) {
    const { limits } = frame;
    const rate = number(limits.publish_rate);
    number(frame.head);
    const gap = this.cursor.welcome(frame);
    this.picture.begin(frame);
    this.outbox.connected(limits.in_flight);
    this.#pace = new Pace(rate, limits.publish_burst, now);
    this.#isWelcomed = true;
    this.#hasAskedPresence = false;
    this.drafts.welcomed();
    this.#asides.welcomed({ isAnew: gap !== null });
    this.#returning.welcomed();
    const events = [new Happening("welcome", frame)];
    if (gap) events.push(new Happening("gap", gap));
    else if (!this.cursor.isDeaf) events.push(new Happening("begin", frame));
    const refs = this.outbox.tooBig(limits.frame_bytes);
    return [...events, ...refs.map((ref) => this.#settle(ref, tooBig(limits.frame_bytes)))];
  }

  /** @param {Live} frame */
  #takeLive(frame) {
    this.picture.noteHead(number(frame.seq));
    this.cursor.caughtUp(frame.seq);
    this.drafts.live(frame.seq, this.cursor);
    this.isLive = true;
    return [new Happening("live", frame)];
  }

  /** @param {Entry} frame */
  #takeEntry(frame) {
    const isMine = text(frame.by.id) === this.picture.you?.id;
    this.picture.noteHead(number(frame.seq));
    const isNew = this.cursor.take(frame.seq);
    if (isNew) this.#returning.trusted();
    this.picture.apply(frame);
    this.drafts.take(frame);
    this.#takeEnd(frame);
    /** @type {Happening[]} */
    const events = isNew ? [new Happening("entry", frame)] : [];
    if (isMine && frame.ref && this.outbox.wasStored(frame)) {
      events.unshift(this.#settle(frame.ref, frame.seq));
    }
    return events;
  }

  /** What concerns a message that is written here. @param {Entry} frame */
  #takeEnd(frame) {
    if (frame.type === "stop") this.writings.stop(frame.target);
    if (frame.type !== "finish" && frame.type !== "delete") return;
    this.writings.end(frame.target, new Refused("stream_closed", "It is finished."));
  }

  /**
   * @param {ErrorFrame} frame
   * @param {number} now
   * @returns {Happening[]}
   */
  #takeError(frame, now) {
    const { ref = "", target } = frame;
    if (target !== undefined) {
      this.writings.refused({ ...frame, target }, now);
      return [];
    }
    const refused = refusal(frame);
    switch (this.outbox.refused(refused, ref, now)) {
      case "passing":
        this.#pace.empty(now);
        return [];
      case "final":
        return [new Happening("settled", [ref, refused])];
    }
    return [new Happening("error", refused)];
  }

  /** @param {PresenceChange} frame @param {number} now */
  #takePresence(frame, now) {
    const { presence } = this.picture;
    presence.update(frame);
    if (!presence.isPartial) this.#hasAskedPresence = false;
    else if (!this.#hasAskedPresence && this.#hasPace(now)) {
      this.#hasAskedPresence = true;
      this.#asides.add({ type: "presence" });
    }
    return [new Happening("presence", frame)];
  }

  /**
   * Whether something may be sent now that counts like a command.
   *
   * @param {number} now
   */
  #hasPace(now) {
    return !this.outbox.isPaused(now) && this.#pace.take(now) === 0;
  }

  /**
   * @param {string | undefined} ref
   * @param {number | Refused} result
   * @returns {Happening}
   */
  #settle(ref, result) {
    this.outbox.settle(ref);
    return new Happening("settled", [ref, result]);
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
 * @property {Open} open A message in the making as it stands: it takes the place of what you have.
 * @property {Append} append More text of one.
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
 * @typedef {string | {token: string, ticket?: never} | {ticket: string, token?: never}} Credential
 * @typedef {new (url: string, protocols: string[]) => any} WebSocketClass
 * @typedef {"auto" | "websocket" | "events"} Transport
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
 * @property {Transport} [transport] `auto`: by a WebSocket, and where none gets through although HTTP
 *   does, by server-sent events and requests. Default.
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
  #renewedAt = -Infinity;

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

/** @typedef {{entry: Entry} | {gap: Gap} | {text: Append | Open}} Step */

/** Entries on their way to the application, which may be slower than the server. */
class Delivery {
  /** What the application has been given: the place to begin at another time. */
  seq;
  /** @type {string | null} */
  epoch;
  /** Whether `seq` is a place, and not what is shown before there is one. */
  #isPlaced;
  /** @type {Step[]} */
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
  #onText;
  #onTaken;

  /**
   * @param {Cursor} cursor Where the application begins.
   * @param {(gap: Gap) => void} onGap Called when the application gets to it.
   * @param {(frame: Append | Open) => void} onText The same, of text.
   * @param {() => void} onTaken Called when an entry has left the queue.
   */
  constructor({ after, epoch }, onGap, onText, onTaken) {
    this.seq = after ?? 0;
    this.epoch = epoch;
    this.#isPlaced = after !== null;
    this.#onGap = onGap;
    this.#onText = onText;
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

  /**
   * The log goes on, or begins, after this place.
   *
   * @param {{after: number, epoch: string}} place
   */
  begin({ after, epoch }) {
    if (!this.#isPlaced) this.seq = after;
    this.#isPlaced = true;
    this.epoch ??= epoch;
  }

  /** @param {Entry} entry */
  push(entry) {
    this.#queue.push({ entry });
    this.#entries += 1;
    this.#move();
  }

  /** @param {Gap} gap */
  gap(gap) {
    if (this.#end) return;
    this.#queue.push({ gap });
    this.#move();
  }

  /** Text comes in its place between entries; what waits for it is joined. @param {Append | Open} frame */
  text(frame) {
    if (this.#end) return;
    const last = this.#queue.at(-1);
    const before = last && "text" in last && this.#first < this.#queue.length ? last.text : null;
    if (frame.type === "append" && before?.type === "append" && goOn(before, frame)) {
      this.#queue[this.#queue.length - 1] = { text: { ...before, text: before.text + frame.text } };
    } else this.#queue.push({ text: frame });
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
    } else if ("text" in step) this.#onText(step.text);
    else {
      this.seq = step.entry.seq;
      this.#entries -= 1;
      this.#readers.shift()?.resolve({ value: step.entry, done: false });
      this.#onTaken();
    }
  }

  #shift() {
    const step = /** @type {Step} */ (this.#queue[this.#first]);
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

/**
 * Whether an addition is to the same text as another; it came next.
 *
 * @param {Append} before
 * @param {Append} after
 */
function goOn(before, after) {
  return before.target === after.target && before.part === after.part;
}

// Server-sent events, out of the pieces in which they come.

/** Characters of an event that has not ended: no frame is nearly as long. */
const LONGEST_EVENT = 2 ** 24;

/** Makes events of text; see "Event stream interpretation" in the HTML standard. */
class EventParser {
  #rest = "";
  /** @type {string[]} */
  #data = [];

  /**
   * The `data` of each event that is complete now; null for a comment: a sign of life.
   *
   * @param {string} text
   * @returns {(string | null)[]}
   */
  push(text) {
    // A CR at the end may be half of a line break.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LONGEST_EVENT) throw new RangeError("an event has no end");
    return lines.flatMap((line) => this.#line(line));
  }

  /** @param {string} line @returns {(string | null)[]} */
  #line(line) {
    if (line.startsWith(":")) return [null];
    if (line.startsWith("data:")) this.#data.push(line.slice(5).replace(/^ /, ""));
    if (line !== "" || !this.#data.length) return [];
    return [this.#data.splice(0).join("\n")];
  }
}

// What a client says, as requests of REST, and what those answer, as frames of the socket.

/** @typedef {{method: string, path: string, body?: object}} Ask `path`: below the server's. */

/**
 * The request that does what a frame would; undefined: there is none.
 *
 * @param {string} item
 * @param {any} frame
 * @returns {Ask | undefined}
 */
function requestOf(item, { type, target, ...fields }) {
  const path = `items/${item}`;
  switch (type) {
    case "publish":
    case "edit":
    case "delete":
    case "react": // The single calls for these two take no ref.
      return { method: "POST", path: "batch", body: { commands: [{ do: type, item, target, ...fields }] } };
    case "start":
      return { method: "POST", path: `${path}/messages`, body: { ...fields, open: true } };
    case "append":
    case "finish":
    case "stop":
      return { method: "POST", path: `${path}/messages/${target}/${type}`, body: fields };
    case "read":
      return { method: "PUT", path: `${path}/read`, body: fields };
    case "presence":
    case "ping":
      return { method: "GET", path: `${path}/presence` };
  }
  return undefined;
}

/**
 * Of a batch with one command, what became of that.
 *
 * @param {number} status
 * @param {any} answer
 * @returns {{status: number, answer: any}}
 */
function single(status, answer) {
  const [one] = Array.isArray(answer?.answers) ? answer.answers : [];
  return one ? { status: one.status, answer: one } : { status, answer };
}

/**
 * What a socket would have said; undefined: nothing.
 *
 * @param {any} frame What was asked.
 * @param {any} answer Of a success.
 */
function answered({ type, ref, target, part }, { seq, at, duplicate, ...answer }) {
  switch (type) {
    case "append":
      return { type: "appended", target, part, duplicate, ...answer };
    case "presence":
      return { type, ...answer };
    case "ping":
      return { type: "pong", head: null };
    case "read":
      return undefined;
  }
  return { type: "ack", ref, seq, at, duplicate };
}

/**
 * @param {any} frame What was asked.
 * @param {number} status
 * @param {any} problem
 */
function problemOf({ type, ref, target, part }, status, problem) {
  const { code = `http_${status}`, detail = "", retry_after, length } = problem ?? {};
  const about = type === "append" ? { target, part, length } : { ref };
  return { type: "error", code, message: detail, retry_after, ...about };
}

// A room without a WebSocket: what it says comes as server-sent events, and what is said goes by
// REST. To whoever uses it, it is a socket.

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
function shown(token) {
  return {
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    credentials: token ? "omit" : "include",
  };
}

/** As much of a `WebSocket` as is used of one. */
class EventsSocket {
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

// Why a handshake was denied: browsers hide it.

/** Milliseconds for the answer. */
const ASK_TIMEOUT = 10_000;

/**
 * Why a handshake was denied, as "Reconnecting", 6; "none": HTTP lets in; null: there is no answer.
 *
 * @param {URL} url The room's.
 * @param {string} token Empty: the browser shows its cookie.
 * @returns {Promise<Refused | "none" | null>}
 */
async function askForDenial(url, token) {
  const address = url.href.replace(/^ws/, "http").replace(/ws$/, "tickets");
  try {
    const answer = await fetch(address, {
      method: "POST",
      ...shown(token),
      signal: AbortSignal.timeout(ASK_TIMEOUT),
    });
    const text = await answer.text();
    return answer.ok ? "none" : denied(answer.status, text, answer.headers.get("Retry-After"));
  } catch {
    return null; // Not reached, or a page of another origin may not read it.
  }
}

// One connection: the core's hands and ears.

/** Bytes of the answer to a handshake that are read: a problem is far smaller. */
const MAX_ANSWER = 65_536;

/** One WebSocket, from the attempt to its end, which is told exactly once. */
class Link {
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

// When a page wakes, and when its network goes.

/** Milliseconds for a sign of life after a tab woke or the network came back: somebody is looking. */
const WAKE_TIMEOUT = 5_000;

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

// By which way a room is connected: by a WebSocket, or where none gets through by events.

/** As a subprotocol may be written; see RFC 9110, section 5.6.2. */
const HEADER_TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** Milliseconds for which no socket is tried where none got through. */
const MEMORY = 300_000;
/** Sockets that end unexplained, while HTTP works, until events are taken: one may be a restart. */
const ATTEMPTS = 2;

/** @type {Map<string, number>} Until when, by the server's host: for all rooms of a page. */
const barred = new Map();

/** Whether no socket got through to this server a while ago. @param {URL} url */
const areBarred = (url) => uptime() < (barred.get(url.host) ?? -Infinity);

/** No socket gets through to this server, although HTTP does. @param {URL} url */
const bar = (url) => barred.set(url.host, uptime() + MEMORY);

/** What opens one connection after the other. */
class Ways {
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

// One connection after the other, and the waits between them.

/** The way to the server: attempts, and the waits between them. */
class Keeper {
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

// A message in the making, as its author has it.

/**
 * A message that grows; `room.start` makes one.
 *
 * @example
 * const stream = await room.start({ text: "" });
 * for await (const token of model(prompt, { signal: stream.stopped })) stream.append(token);
 * await stream.finish();
 */
export class Stream {
  #writing;
  #hooks;

  /**
   * @param {number} seq
   * @param {Writing} writing
   * @param {{pump: () => void, finish: (fields: object, ref?: string) => Promise<number>}} hooks
   */
  constructor(seq, writing, hooks) {
    /** @readonly The message's. */
    this.seq = seq;
    this.#writing = writing;
    this.#hooks = hooks;
  }

  /** All of its text, with what is not stored yet. */
  get text() {
    return this.#writing.text(null);
  }

  /** Aborted when somebody wants it to stop, or nothing can be added any more. */
  get stopped() {
    return this.#writing.stopping.signal;
  }

  /** Why nothing can be added any more; null, when it can. */
  get error() {
    return this.#writing.error;
  }

  /**
   * Add text. It is sent when the connection allows, and again after it was lost. Throws `Refused`,
   * when nothing can be added any more.
   *
   * @param {string} text
   * @param {{part?: number}} [options] To which of the body's `parts`, instead of to its own text.
   */
  append(text, { part } = {}) {
    this.#writing.add(String(text), part ?? null);
    this.#hooks.pump();
  }

  /**
   * End it, when all of its text is stored.
   *
   * @param {object} [options]
   * @param {"done" | "failed" | "stopped"} [options.state]
   * @param {object} [options.error] What has failed, for those who read it.
   * @param {unknown} [options.body] Takes the place of what has come.
   * @param {string} [options.ref]
   * @returns {Promise<number>} The seq of its end. Rejects with `Refused`.
   */
  finish({ state = "done", error, body, ref } = {}) {
    this.#writing.finished ??= this.#finish({ state, error, body }, ref);
    return this.#writing.finished;
  }

  /** @param {{state: string, error?: object, body?: unknown}} fields @param {string} [ref] */
  async #finish(fields, ref) {
    const stored = this.#writing.close({ isReplaced: fields.body !== undefined });
    this.#hooks.pump();
    await stored;
    return this.#hooks.finish(fields, ref);
  }
}

// The text of one message in the making, for whoever reads it as it comes.

/**
 * The text so far, and each addition.
 *
 * @param {Drafts} drafts
 * @param {number} seq
 * @param {number | null} part
 * @returns {AsyncGenerator<string, void>}
 */
async function* additions(drafts, seq, part) {
  const draft = await drafts.find(seq);
  if (!draft) throw new Refused("not_found", "There is no such message in the making.");
  // Its text is kept, and not what comes: whoever reads slowly gets more at once.
  let given = 0;
  while (true) {
    const text = growingText(draft.body, part);
    if (text === undefined && !draft.end) throw new Refused("bad_message", "It has no such text.");
    const more = draft.isRewritten ? "" : (text ?? "").slice(given);
    given += more.length;
    if (more) yield more;
    else if (draft.end?.reason) throw draft.end.reason;
    else if (draft.end) return;
    else await draft.change;
  }
}

// A room, as an application uses it.

/**
 * One item's room.
 *
 * @example
 * const room = new Room("https://rooms.example.com", { item: "order-17", token });
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export class Room extends EventTarget {
  #id;
  #buffer;
  #session;
  #delivery;
  #answers = new Answers();
  /** Whether somebody listens to texts as they grow: else they wait for nobody. */
  #isTextHeard = false;
  #ways;
  #keeper;

  /**
   * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
   * @param {RoomOptions} options
   */
  constructor(url, options) {
    super();
    const { item, after = null, epoch = null, tail, outbox = 1000, buffer = 10_000 } = options;
    const { WebSocket: Class = globalThis.WebSocket, transport = "auto" } = options;
    if (!["auto", "websocket", "events"].includes(transport)) {
      throw new TypeError(`not a transport: ${transport}`);
    }
    if (!Class && transport !== "events") throw new TypeError("there is no WebSocket here: hand one in");
    this.#id = item;
    this.#buffer = Math.max(buffer, 1);
    const cursor = new Cursor(after, epoch, tail);
    const credentials = new Credentials(options);
    this.#session = new Talk(cursor, new Outbox(outbox), credentials);
    this.#delivery = new Delivery(
      cursor,
      (gap) => this.#tell("gap", gap),
      (frame) => this.#tell(frame.type, frame),
      () => this.#taken(),
    );
    if (buffer === 0) this.#delivery.heard();
    const address = roomUrl(String(url), item, globalThis.location?.href);
    this.#ways = new Ways(address, Class, transport);
    this.#keeper = new Keeper(address, this.#ways, this.#session, credentials, {
      onEvent: (event) => this.#happened(event),
      onState: (state, reason, retryAt) => this.#tell("state", { state, reason, retryAt }),
      onRefused: (refused) => this.#refused(refused),
    });
    this.#keeper.connect();
  }

  /** Where it stands; every change is a `state` event. */
  get state() {
    return this.#keeper.state;
  }

  /** While waiting: when the next attempt is, in milliseconds since 1970. */
  get retryAt() {
    return this.#keeper.retryAt;
  }

  /** Why the last connection was refused; null since one was not. */
  get error() {
    return this.#keeper.error;
  }

  /** By which way the newest connection is, or was. */
  get transport() {
    return this.#ways.taken;
  }

  /** The seq of the newest entry that you have been given; with `epoch` the place to resume at. */
  get seq() {
    return this.#delivery.seq;
  }

  /** Which life of the log `seq` belongs to; null before the first `welcome`. */
  get epoch() {
    return this.#delivery.epoch;
  }

  /** The newest seq of the log, as far as the server has said. */
  get head() {
    return this.#session.picture.head;
  }

  /** The oldest seq that was still kept at the last `welcome`. */
  get oldest() {
    return this.#session.picture.oldest;
  }

  /** You, with your present role; null before the first `welcome`. */
  get you() {
    return this.#session.picture.you;
  }

  /** Id and title; the title is null before the first `welcome`. */
  get item() {
    return this.#session.picture.item ?? { id: this.#id, title: null };
  }

  /** The server's limits; null before the first `welcome`. */
  get limits() {
    return this.#session.picture.welcome?.limits ?? null;
  }

  /** Who is here. Above 200 users there is only the count. */
  get presence() {
    const { count, users } = this.#session.picture.presence;
    return { count, users };
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
    if (type === "entry") this.#delivery.heard();
    if (type === "append" || type === "open") this.#isTextHeard = true;
  }

  /**
   * Every entry once and in order, across connections, until `close`; one loop at a time.
   *
   * @returns {AsyncIterableIterator<Entry, undefined>}
   */
  [Symbol.asyncIterator]() {
    this.#delivery.iterated();
    /** @type {AsyncIterableIterator<Entry, undefined>} */
    const iterator = {
      next: () => this.#delivery.next(),
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
   * Begin a message whose text grows while others read it.
   *
   * @param {unknown} body A text, or an object with a `text`, or with `parts` that have one.
   * @param {{ref?: string}} [options] With a ref that was used before, the message that was begun
   *   then goes on: its `text` is what there is of it.
   * @returns {Promise<Stream>} Rejects with `Refused`.
   */
  async start(body, { ref } = {}) {
    const seq = await this.#command("start", { body }, ref);
    const draft = await this.#session.drafts.find(seq);
    if (!draft || draft.end) throw this.#ended ?? new Refused("stream_closed", "It is finished.");
    return new Stream(seq, this.#session.writings.begin(seq, draft), {
      pump: () => this.#keeper.pump(),
      finish: (fields, given) => this.#command("finish", { target: seq, ...fields }, given),
    });
  }

  /**
   * Ask the author of a message in the making to end it.
   *
   * @param {number} target
   * @param {{ref?: string}} [options]
   * @returns {Promise<number>}
   */
  async stop(target, { ref } = {}) {
    return this.#command("stop", { target }, ref);
  }

  /**
   * The text of a message in the making: what there is of it, then each addition, across
   * connections, until it is finished. Throws `Refused`, if it is not in the making.
   *
   * @param {number} seq
   * @param {{part?: number}} [options] Of the body's `parts`, instead of its own text.
   * @returns {AsyncGenerator<string, void>}
   */
  text(seq, { part } = {}) {
    return additions(this.#session.drafts, seq, part ?? null);
  }

  /**
   * Tell those who are here now; dropped while not live.
   *
   * @param {string} name
   * @param {unknown} [body]
   */
  signal(name, body = null) {
    this.#session.signal(name, body, uptime());
    this.#keeper.pump();
  }

  /**
   * Mark as read up to here; kept until there is a connection.
   *
   * @param {number} seq
   */
  read(seq) {
    this.#session.read(seq);
    this.#keeper.pump();
  }

  /** Drop the connection and resume. */
  reconnect() {
    if (!this.#keeper.isOver) this.#keeper.again("reconnect");
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
   * @param {string} [given]
   */
  #command(type, fields, given) {
    if (this.#ended) throw this.#ended;
    const answer = this.#answers.to(this.#session.command(type, fields, given));
    this.#keeper.pump();
    return answer;
  }

  /** Why there is nothing to be had any more. */
  get #ended() {
    if (this.state === "closed") return new Refused("closed", "The room was closed.");
    return this.state === "refused" ? this.error : null;
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
    if (this.#keeper.isOver) return;
    this.#keeper.end(state, reason.code);
    this.#answers.end(reason);
    this.#delivery.end(state === "closed" ? null : reason);
    this.#session.drafts.end(state === "closed" ? null : reason);
    this.#session.writings.endAll(reason);
  }

  /** @param {Happening} event */
  #happened({ type, detail }) {
    switch (type) {
      case "settled":
        return this.#answers.settle(detail[0], detail[1]);
      case "begin":
        return this.#delivery.begin(detail);
      case "gap":
        return this.#delivery.gap(detail); // Told when whoever reads gets to it.
      case "entry":
        this.#delivery.push(detail);
        this.#session.cursor.hasRoom = this.#delivery.size < this.#buffer;
        break;
      case "open":
      case "append":
        // Of entries that are left where they are, there is no text to go on.
        if (this.#isTextHeard && !this.#session.cursor.isDeaf) this.#delivery.text(detail);
        return;
    }
    this.#tell(/** @type {keyof RoomEvents} */ (type), detail);
  }

  #taken() {
    const { cursor } = this.#session;
    cursor.hasRoom = true;
    if (!cursor.isDeaf || this.#keeper.isOver || this.#delivery.size > this.#buffer / 2) return;
    cursor.isDeaf = false;
    this.#keeper.again("buffer_free");
  }
}

// What is new in somebody's items where no socket gets through: asked for, again and again.

/** Items on a page. */
const PAGE = 100;
/** Of so many looks, one is at all items: an item that is gone is missing there. */
const WHOLE_EVERY = 12;

/**
 * Pages of the inbox, the newest activity first; when they were asked for.
 *
 * @param {URL} url
 * @param {string | undefined} token Without one the browser shows its cookie.
 * @param {number} [most] Pages.
 * @returns {Promise<{at: string, items: InboxItem[], isWhole: boolean}>}
 */
async function listed(url, token, most = Infinity) {
  const address = new URL(url);
  address.searchParams.set("limit", String(PAGE));
  let at = "";
  const items = [];
  for (let pages = 0; pages < most; pages++) {
    const answer = await fetch(address, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      credentials: token ? "omit" : "include",
    });
    const text = await answer.text();
    if (!answer.ok) throw denied(answer.status, text, answer.headers.get("Retry-After"));
    const page = JSON.parse(text);
    at ||= page.at;
    items.push(...page.items);
    if (page.next === null) return { at, items, isWhole: true };
    address.searchParams.set("after", page.next);
  }
  return { at, items, isWhole: false };
}

/** Looks, each of which says what is new since the one before. */
class Looks {
  #url;
  #count = 0;
  /** @type {Map<string, string>} What was seen of each item, as JSON. */
  #seen = new Map();

  /** @param {URL} url */
  constructor(url) {
    this.#url = url;
  }

  /**
   * @param {string | undefined} token
   * @param {Map<string, InboxItem>} items What was told before.
   * @param {(item: InboxItem) => boolean} isNews Whether one that was never seen is told of.
   * @returns {Promise<{at: string, changed: InboxItem[]}>}
   */
  async look(token, items, isNews) {
    const most = this.#count++ % WHOLE_EVERY === 0 ? Infinity : 1;
    const found = await listed(this.#url, token, most);
    const gone = found.isWhole ? this.#gone(found.items, items) : [];
    return { at: found.at, changed: [...found.items.filter((one) => this.#isNew(one, items, isNews)), ...gone] };
  }

  /**
   * @param {InboxItem} found
   * @param {Map<string, InboxItem>} items
   * @param {(item: InboxItem) => boolean} isNews
   */
  #isNew(found, items, isNews) {
    const { id } = found.item;
    const told = items.get(id);
    const before = this.#seen.get(id) ?? (told && JSON.stringify(told));
    const now = JSON.stringify(found);
    this.#seen.set(id, now);
    return before === undefined ? isNews(found) : before !== now;
  }

  /**
   * @param {InboxItem[]} found All there are.
   * @param {Map<string, InboxItem>} items
   * @returns {InboxItem[]}
   */
  #gone(found, items) {
    const left = new Set(found.map((one) => one.item.id));
    for (const id of this.#seen.keys()) if (!left.has(id)) this.#seen.delete(id);
    return [...items.values()].filter((one) => !left.has(one.item.id)).map((one) => ({ ...one, role: null }));
  }
}

// What is new in somebody's items, kept current.

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

// What a room has for a socket, where it shares one.

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** A place at a switchboard, used like a WebSocket. */
class Seat {
  #board;
  #state = CONNECTING;
  item;
  address;
  protocols;
  /** Whether the server was asked for it. */
  wasJoined = false;
  /** @type {((event: {data: string}) => void) | null} */
  onmessage = null;
  /** @type {((event: object) => void) | null} */
  onopen = null;
  /** @type {((event: {code: number, reason: string, refused?: Refused}) => void) | null} */
  onclose = null;
  /** @type {((event: object) => void) | null} */
  onerror = null;

  /**
   * @param {Switchboard} board
   * @param {string | null} item
   * @param {URL} address Of an item's own socket, with its query.
   * @param {string[]} protocols
   */
  constructor(board, item, address, protocols) {
    this.#board = board;
    this.item = item;
    this.address = address;
    this.protocols = protocols;
  }

  get readyState() {
    return this.#state;
  }

  /** Where in the log the room wants to begin. */
  get beginning() {
    const { searchParams: query } = this.address;
    const after = query.get("after");
    const tail = query.get("tail");
    return {
      ...(after === null ? {} : { after: Number(after), epoch: query.get("epoch") }),
      ...(tail === null ? {} : { tail: Number(tail) }),
    };
  }

  /** @param {string} text */
  send(text) {
    if (this.#state === OPEN) this.#board.say(this, text);
  }

  close() {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#board.leave(this);
  }

  /** Leave without a goodbye, as of a socket that is lost. */
  terminate() {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#board.drop(this);
  }

  open() {
    this.#state = OPEN;
    this.onopen?.({});
  }

  /** @param {string} data */
  hear(data) {
    this.onmessage?.({ data });
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {Refused} [refused] What is to be made of it, if it is not what these say.
   */
  end(code, reason, refused) {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.onclose?.({ code, reason, refused });
  }
}

// Many rooms at one socket: each has one of its own, as far as it can tell.

const SHARED_PONG = '{"type":"pong","head":0}';
/** Milliseconds at most between two sockets that come to nothing: a room waits no longer for a word. */
const LONGEST_PAUSE = 5_000;

/**
 * The socket behind them. It is opened by the first that needs it, with what that shows of who it
 * is, and closed after the last.
 */
class Switchboard {
  #WebSocket;
  /** @type {any} The real one; null: there is none. */
  #socket = null;
  #isOpen = false;
  /** When the socket was heard, or at least begun. */
  #heardAt = 0;
  /** @type {Map<string | null, Seat>} By item; null: what is of the socket itself. */
  #seats = new Map();
  /** @type {Set<string>} Items that were left, until the server says so. */
  #leaving = new Set();
  /** @type {Set<Seat>} Who waits for a sign of life. */
  #asking = new Set();

  /** However many rooms want to come back: they are one client to a server that is down. */
  #backoff = new Backoff();
  #notBefore = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} Opens the next socket. */
  #timer;

  /** @param {WebSocketClass} WebSocket */
  constructor(WebSocket) {
    this.#WebSocket = WebSocket;
  }

  /**
   * What a room takes for a class of sockets.
   *
   * @param {string | null} item
   * @returns {WebSocketClass}
   */
  socketOf(item) {
    const board = this;
    return class extends Seat {
      static isShared = true;

      /**
       * @param {string} url
       * @param {string[]} protocols
       */
      constructor(url, protocols) {
        super(board, item, new URL(url), protocols);
        board.enter(this);
      }
    };
  }

  /** @param {Seat} seat */
  enter(seat) {
    this.#seats.get(seat.item)?.end(1006, "");
    this.#seats.set(seat.item, seat);
    if (this.#socket === null) this.#openInTime();
    else if (this.#isOpen) {
      // Not before whoever made it listens, as with any socket.
      queueMicrotask(() => this.#seats.get(seat.item) === seat && this.#seat(seat));
    }
  }

  /** @param {Seat} seat */
  leave(seat) {
    this.#asking.delete(seat);
    if (this.#seats.get(seat.item) !== seat) return;
    this.#seats.delete(seat.item);
    if (this.#seats.size === 0) this.#hangUp();
    else if (this.#isOpen && seat.item !== null && seat.wasJoined) {
      this.#leaving.add(seat.item);
      this.#send({ type: "leave", item: seat.item });
    }
  }

  /**
   * A seat has given up its connection. A socket that says nothing to one says nothing to all: if
   * each found that out for itself, they would take turns at a socket that is dead.
   *
   * @param {Seat} seat
   */
  drop(seat) {
    const isMute = uptime() - this.#heardAt >= HASTE;
    if (this.#socket === null || !isMute || this.#seats.get(seat.item) !== seat) return this.leave(seat);
    this.#seats.delete(seat.item);
    const socket = this.#disown();
    if (socket.terminate) socket.terminate();
    else socket.close();
    this.#closed(1006, "");
  }

  /**
   * @param {Seat} seat
   * @param {string} text
   */
  say(seat, text) {
    if (text === PING) {
      // One is enough for all who wait for an answer.
      if (this.#asking.size === 0) this.#socket.send(PING);
      this.#asking.add(seat);
    } else if (seat.item === null || text.startsWith('{"type":"auth"')) this.#socket.send(text);
    else this.#socket.send(`{"item":"${seat.item}",${text.slice(1)}`);
  }

  #openInTime() {
    clearTimeout(this.#timer);
    const wait = this.#notBefore - uptime();
    const first = this.#first;
    if (wait > 0) this.#timer = setTimeout(() => this.#openInTime(), wait);
    else if (first) this.#open(first);
  }

  /** @param {Seat} first It shows who it is for all that come after it. */
  #open({ address, protocols }) {
    const url = new URL(address);
    url.pathname = url.pathname.replace(/(?:\/items\/[^/]+)?\/ws$/, "/ws");
    for (const name of ["after", "epoch", "tail"]) url.searchParams.delete(name);
    const socket = (this.#socket = new this.#WebSocket(url.href, protocols));
    this.#heardAt = uptime();
    socket.onmessage = (/** @type {{data: string}} */ { data }) => this.#received(data);
    socket.onclose = (/** @type {{code: number, reason: string}} */ { code, reason }) =>
      this.#closed(code, reason);
    socket.onerror = () => {};
  }

  #hangUp() {
    clearTimeout(this.#timer);
    if (this.#socket === null) return;
    const socket = this.#disown();
    this.#forget();
    socket.close();
  }

  /** The socket, of which nothing more is heard. */
  #disown() {
    const socket = this.#socket;
    socket.onmessage = socket.onclose = null;
    return socket;
  }

  #forget() {
    this.#socket = null;
    this.#isOpen = false;
    this.#leaving.clear();
    this.#asking.clear();
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #closed(code, reason) {
    const seats = [...this.#seats.values()];
    if (!this.#isOpen) this.#notBefore = uptime() + Math.min(this.#backoff.next(), LONGEST_PAUSE);
    this.#seats.clear();
    // Who is told no more than that asks the server why: one of them is enough.
    const refused = this.#isOpen ? undefined : lost("lost");
    this.#forget();
    for (const seat of seats) seat.end(code, reason, seat === seats[0] ? undefined : refused);
  }

  /** @param {Seat} seat */
  #seat(seat) {
    if (seat.item === null) seat.open();
    else if (!this.#leaving.has(seat.item)) {
      seat.wasJoined = true;
      seat.open();
      this.#send({ type: "join", item: seat.item, ...seat.beginning });
    }
  }

  /** @param {object} frame */
  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  /** @param {string} data */
  #received(data) {
    this.#heardAt = uptime();
    const frame = JSON.parse(data);
    const { type, item } = frame;
    switch (type) {
      case "hello":
        this.#isOpen = true;
        this.#backoff.reset();
        for (const seat of [...this.#seats.values()]) this.#seat(seat);
        return;
      case "pong":
        for (const seat of this.#asking) seat.hear(SHARED_PONG);
        this.#asking.clear();
        return;
      case "welcome":
        // All that a room sends has its item besides.
        frame.limits.frame_bytes -= `"item":"${item.id}",`.length;
        return this.#seats.get(item.id)?.hear(JSON.stringify(frame));
      case "left":
        return this.#left(frame);
      case "inbox":
      case "watching":
        return this.#seats.get(null)?.hear(data);
      case "closing":
        for (const seat of [...this.#seats.values()]) seat.hear(data);
        return;
      case "error":
        // The item was left while this was on its way: it is said again when it is joined again.
        if (frame.code === "not_joined" || frame.code === "already_joined") return;
    }
    if (item === undefined) return this.#first?.hear(data);
    this.#seats.get(typeof item === "string" ? item : item.id)?.hear(data);
  }

  /** Who is told, and asked, what is the socket's: a token that is about to end, and its like. */
  get #first() {
    return this.#seats.values().next().value;
  }

  /** @param {any} frame */
  #left(frame) {
    const { item, reason, retry } = frame;
    this.#leaving.delete(item);
    const seat = this.#seats.get(item);
    if (!seat) return;
    if (!seat.wasJoined) return this.#seat(seat); // It waited for this.
    if (reason === undefined) return;
    this.#seats.delete(item);
    const code = retry === "later" ? 1013 : 1008;
    seat.hear(JSON.stringify({ ...frame, type: "closing", code }));
    seat.end(code, reason);
  }
}

// One socket for the rooms of many items, and what is new in all of them.

/** Milliseconds for which a token serves all rooms that ask for one at the same time. */
const TOKEN_SHARED = 1_000;

/**
 * @typedef {object} SessionSettings
 * @property {WebSocketClass} [WebSocket] Default: `globalThis.WebSocket`.
 * @property {"all" | "changes"} [inbox] Whether `inbox` begins with all items, or knows only of those
 *   that change. Default: all.
 * @property {"auto" | "websocket"} [transport] `auto`: where no socket gets through although HTTP does,
 *   each room has events and requests, and the inbox asks every few seconds. Default: auto.
 *
 * @typedef {SessionSettings & (ByToken | ByGetToken)} SessionOptions
 * @typedef {Omit<RoomSettings, "item" | "WebSocket" | "transport">} SeatOptions
 */

/**
 * Somebody's rooms by one socket, which is there as long as one of them is used, or the inbox.
 *
 * @example
 * const session = new Session("https://rooms.example.com", { token });
 * const room = session.room("order-17");
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export class Session {
  #url;
  #credentials;
  #switchboard;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Inbox | null} */
  #inbox = null;
  #isListed;
  #transport;
  #isClosed = false;

  /**
   * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
   * @param {SessionOptions} [options] Without a credential the session cookie counts.
   */
  constructor(url, options = {}) {
    const { token, getToken, inbox = "all", transport = "auto", WebSocket = globalThis.WebSocket } = options;
    if (!WebSocket) throw new TypeError("there is no WebSocket here: hand one in");
    if (!["auto", "websocket"].includes(transport)) throw new TypeError(`not a transport: ${transport}`);
    this.#url = String(url);
    this.#credentials = getToken ? { getToken: askedOnce(getToken) } : { token };
    this.#isListed = inbox === "all";
    this.#transport = transport;
    this.#switchboard = new Switchboard(WebSocket);
  }

  /**
   * An item's room: like any other, but that it shares the socket. Close it to leave.
   *
   * @param {string} item
   * @param {SeatOptions} [options]
   * @returns {Room} Throws `Refused` (`already_joined`) while there is one that is not closed.
   */
  room(item, options = {}) {
    if (this.#isClosed) throw new Refused("closed", "The session was closed.");
    if (this.#rooms.has(item)) {
      throw new Refused("already_joined", "Close the item's room before you open another one.");
    }
    const WebSocket = this.#switchboard.socketOf(item);
    const given = /** @type {any} */ ({ ...options, ...this.#credentials, item, WebSocket, transport: this.#transport });
    const room = new Room(this.#url, given);
    this.#rooms.set(item, room);
    room.addEventListener("state", ({ detail: { state } }) => {
      if (state === "closed" || state === "refused") this.#rooms.delete(item);
    });
    return room;
  }

  /** What is new in all items; it is asked for when this is first used. */
  get inbox() {
    if (this.#inbox === null) {
      if (this.#isClosed) throw new Refused("closed", "The session was closed.");
      const socket = this.#switchboard.socketOf(null);
      this.#inbox = new Inbox(this.#url, socket, this.#credentials, {
        isListed: this.#isListed,
        mayPoll: this.#transport === "auto",
      });
    }
    return this.#inbox;
  }

  /** Leave all rooms. */
  close() {
    this.#isClosed = true;
    for (const room of [...this.#rooms.values()]) room.close();
    this.#inbox?.close();
  }
}

/**
 * One question for all rooms that come back at once.
 *
 * @param {() => Credential | Promise<Credential>} getToken
 */
function askedOnce(getToken) {
  /** @type {Promise<Credential> | null} */
  let answer = null;
  return () => {
    if (answer === null) {
      answer = Promise.resolve(getToken());
      const forget = () => setTimeout(() => (answer = null), TOKEN_SHARED);
      answer.then(forget, forget);
    }
    return answer;
  };
}

// What people see of a room: messages as they stand now, and those on their way.

/** More of them than a page can show well; the oldest are let go. */
const MAX_SHOWN = 1000;

/**
 * An entry of the log with what came of it: what is about another entry is no entry here. `stop`
 * and `finish` are of a message that grew, and `finish` has no body.
 *
 * @typedef {{key: string, status: "stored", error: null, reactions: Record<string, User[]>,
 *   stop?: Stop, finish?: Finish}} Shown
 * @typedef {(Message | MemberChange | ItemChange) & Shown} StoredEntry
 */

/**
 * A message that was written here and is not in the log yet. Its `key` is that of the stored one
 * that takes its place. `by` is null before the first `welcome`.
 *
 * @typedef {object} UnsentEntry
 * @property {"message"} type
 * @property {string} key
 * @property {"pending" | "failed"} status
 * @property {Refused | null} error Why it failed.
 * @property {string} ref
 * @property {string} at
 * @property {User | null} by
 * @property {any} body
 */

/**
 * What there is to see; never changed, but replaced by another.
 *
 * @typedef {object} View
 * @property {(StoredEntry | UnsentEntry)[]} entries Those that are stored, then those that are not.
 * @property {{count: number, users: User[]}} presence
 * @property {State} status
 * @property {Refused | null} error Why the last connection was refused.
 * @property {number | null} retryAt While waiting: when the next attempt is.
 * @property {(User & {role: Role}) | null} you
 * @property {string | null} title The item's.
 */

/**
 * A room, and what there is to see of it.
 *
 * @example
 * const conversation = new Conversation("/", { item: "order-17" });
 * conversation.subscribe(() => draw(conversation.view));
 */
export class Conversation {
  /** @type {Map<number, StoredEntry>} By seq, and in its order. */
  #stored = new Map();
  /** @type {Map<string, UnsentEntry & {seq?: number}>} By ref; the `seq` is that of the ack. */
  #unsent = new Map();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {View | null} Made when somebody looks. */
  #view = null;

  /**
   * @param {string | URL | Session} place The server; or a session, whose socket it then has.
   * @param {RoomOptions} options Those of a room; with a session those of its rooms.
   */
  constructor(place, options) {
    const chosen = { ...options, buffer: 0 };
    /** @readonly */
    this.room = place instanceof Session ? place.room(options.item, chosen) : new Room(place, chosen);
    this.room.addEventListener("entry", ({ detail }) => {
      this.#apply(detail);
      this.#moved();
    });
    for (const type of /** @type {const} */ (["open", "append"])) {
      this.room.addEventListener(type, ({ detail }) => this.#grow(detail));
    }
    this.room.addEventListener("gap", () => this.#stored.clear());
    for (const type of ["state", "welcome", "presence", "role"]) {
      this.room.addEventListener(type, () => this.#changed());
    }
  }

  /** What there is to see now; the same object until something changes. */
  get view() {
    return (this.#view ??= this.#look());
  }

  /** Whether something that was published has no answer yet. */
  get isWaiting() {
    return [...this.#unsent.values()].some(({ status }) => status === "pending");
  }

  /**
   * Be told of every change of the view.
   *
   * @param {() => void} listener
   * @returns {() => void} Ends it.
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Store a message, and show it at once. When it is refused, it stays with its `error`.
   *
   * @param {unknown} body Any JSON value.
   * @param {{ref?: string}} [options]
   * @returns {string} Its ref.
   */
  publish(body, { ref = newRef() } = {}) {
    const at = new Date().toISOString();
    const shown = { key: `ref/${ref}`, status: /** @type {const} */ ("pending"), error: null };
    this.#unsent.set(ref, { type: "message", ref, at, by: this.room.you, body, ...shown });
    this.#send(ref, body);
    return ref;
  }

  /**
   * Publish a message that failed once more: its ref makes sure that it is stored once.
   *
   * @param {string} ref
   */
  retry(ref) {
    const unsent = this.#unsent.get(ref);
    if (unsent?.status === "failed") this.#send(ref, unsent.body);
  }

  /**
   * Forget a message that failed.
   *
   * @param {string} ref
   */
  discard(ref) {
    if (this.#unsent.get(ref)?.status === "failed") this.#unsent.delete(ref);
    this.#changed();
  }

  /** Leave the room. */
  close() {
    this.room.close();
  }

  /** @param {string} ref @param {unknown} body */
  async #send(ref, body) {
    this.#mark(ref, { status: "pending", error: null });
    try {
      this.#mark(ref, { seq: await this.room.publish(body, { ref }) });
    } catch (error) {
      this.#mark(ref, { status: "failed", error: /** @type {Refused} */ (error) });
    }
  }

  /** @param {string} ref @param {Partial<UnsentEntry & {seq: number}>} changes */
  #mark(ref, changes) {
    const unsent = this.#unsent.get(ref);
    if (unsent) this.#unsent.set(ref, { ...unsent, ...changes });
    this.#drop(this.room.seq);
    this.#changed();
  }

  /** What is stored, and no further than what is shown, waits no more. @param {number} upTo */
  #drop(upTo) {
    for (const [ref, { seq }] of this.#unsent) {
      if (seq !== undefined && seq <= upTo) this.#unsent.delete(ref);
    }
  }

  /** @param {Entry} entry */
  #apply(entry) {
    if ("target" in entry) {
      const target = this.#stored.get(entry.target);
      if (target) this.#stored.set(entry.target, changed(target, entry));
    } else {
      const key = this.#takePlace(entry) ?? `seq/${entry.seq}`;
      const shown = { ...entry, key, status: /** @type {const} */ ("stored"), error: null, reactions: {} };
      // It would have to grow with the text, which says it itself.
      if (shown.type === "message") delete shown.length;
      this.#stored.set(entry.seq, shown);
    }
    this.#drop(entry.seq);
    // The order of a map is that in which keys came.
    const [oldest = 0] = this.#stored.keys();
    if (this.#stored.size > MAX_SHOWN) this.#stored.delete(oldest);
  }

  /** More text of a message, or all that there is of it. @param {Append | Open} frame */
  #grow(frame) {
    const seq = frame.type === "open" ? frame.seq : frame.target;
    const entry = this.#stored.get(seq);
    if (entry?.type !== "message" || !entry.open) return;
    const body = frame.type === "open" ? frame.body : grown(entry.body, frame.text, frame.part ?? null);
    this.#stored.set(seq, { ...entry, body });
    this.#moved();
  }

  /** The key of the message that was shown until this one came. @param {Entry} entry */
  #takePlace({ type, by, ref }) {
    if (type !== "message" || ref === undefined || by.id !== this.room.you?.id) return undefined;
    const unsent = this.#unsent.get(ref);
    this.#unsent.delete(ref);
    return unsent?.key;
  }

  /** @returns {View} */
  #look() {
    const { presence, state, error, retryAt, you, item } = this.room;
    const entries = [...this.#stored.values(), ...this.#unsent.values()];
    return { entries, presence, status: state, error, retryAt, you, title: item.title };
  }

  /** What is replayed is shown when all of it is there. */
  #moved() {
    if (this.room.state === "live") this.#changed();
  }

  #changed() {
    this.#view = null;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * An entry after another that is about it.
 *
 * @param {StoredEntry} entry
 * @param {Edit | Deletion | Reaction | Stop | Finish} change
 * @returns {StoredEntry}
 */
function changed(entry, change) {
  if (entry.type !== "message" || entry.deleted_seq !== undefined) return entry;
  if (change.type === "reaction") return reacted(entry, change);
  if (change.type === "delete") {
    const { open: _, ...rest } = entry;
    return { ...rest, body: undefined, deleted_seq: change.seq, reactions: {} };
  }
  if (change.type === "stop") return { ...entry, stop: change };
  if (change.type === "finish") return finished(entry, change);
  // A message is replayed as it stands now: edits that are older than that are no news.
  if (change.body === undefined || change.seq < (entry.edited_seq ?? 0)) return entry;
  return { ...entry, body: change.body, edited_seq: change.seq };
}

/**
 * @param {Message & Shown} entry
 * @param {Finish} finish
 * @returns {StoredEntry}
 */
function finished({ open: _, ...entry }, { body, ...finish }) {
  return { ...entry, body: body === undefined ? entry.body : body, finish };
}

/**
 * @param {Message & Shown} entry
 * @param {{value: string, on: boolean, by: User}} reaction
 * @returns {StoredEntry}
 */
function reacted(entry, { value, on, by }) {
  const { [value]: before = [], ...reactions } = entry.reactions;
  const users = before.filter(({ id }) => id !== by.id);
  if (on) users.push(by);
  return { ...entry, reactions: users.length ? { ...reactions, [value]: users } : reactions };
}

// One socket for all parts of a page that show the same room.

/** Milliseconds in which what was published is still sent when nobody looks on any more. */
const FAREWELL = 60_000;

/**
 * @typedef {object} ShareSettings
 * @property {string | URL} [url] The server. Default: that of the page.
 * @property {Session} [session] Its socket is taken, and its server and credential count.
 * @property {string} [user] Whose room it is, where `getToken` or the cookie does not tell: another
 *   user has another socket.
 *
 * @typedef {Omit<RoomSettings, "item" | "buffer"> & ShareSettings & (ByToken | ByTicket | ByGetToken)}
 *   ShareOptions
 */

/** @type {Map<string, {conversation: Conversation, users: number}>} */
const shared = new Map();
/** @type {WeakMap<Session, number>} A number for each, to tell them apart. */
const sessions = new WeakMap();
let newest = 0;

/** @param {Session | undefined} session */
function numberOf(session) {
  if (!session) return 0;
  if (!sessions.has(session)) sessions.set(session, ++newest);
  return Number(sessions.get(session));
}

/**
 * The conversation of an item; one for all who ask with the same `url`, `token` and `user`, or with
 * the same session.
 *
 * @param {string} item
 * @param {ShareOptions} [options] Those of a room; they count for who comes first.
 * @returns {{conversation: Conversation, leave: () => void}} The last who leaves closes it, when
 *   what was published has its answer, or after a minute.
 */
export function share(item, { url = "/", user, session, ...options } = {}) {
  const server = session ? "" : new URL(url, globalThis.location?.href).href;
  const by = session ? numberOf(session) : [server, options.token, user, !options.getToken];
  const key = JSON.stringify([item, by]);
  let one = shared.get(key);
  // One that was refused stays so; who comes now may be let in.
  if (!one || one.conversation.view.status === "refused") {
    one = { conversation: new Conversation(session ?? server, { ...options, item }), users: 0 };
    shared.set(key, one);
  }
  one.users += 1;
  return { conversation: one.conversation, leave: once(() => left(key, one)) };
}

/**
 * Whoever leaves may be back at once: React's StrictMode mounts twice, and an element that is moved
 * within its page is taken out of it first.
 *
 * @param {string} key
 * @param {{conversation: Conversation, users: number}} one
 */
function left(key, one) {
  const { conversation } = one;
  one.users -= 1;
  const deadline = Date.now() + FAREWELL;
  const look = () => {
    if (one.users > 0) return;
    if (conversation.isWaiting && Date.now() < deadline) return void setTimeout(look, 250);
    if (shared.get(key) === one) shared.delete(key);
    conversation.close();
  };
  setTimeout(look, 0);
}

/** @param {() => void} act */
function once(act) {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
