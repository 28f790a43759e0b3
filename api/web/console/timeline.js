/**
 * What is known of a room's log: one unbroken stretch of messages, and what waits to be sent.
 *
 * Pure. Pages of history and live entries come in any interleaving and end in the same state: the
 * newest entries are kept, and applied again to a page that was read before them.
 */

/** @typedef {{id: string, name: string}} User */
/**
 * @typedef {{type: string, seq: number, at: string, by: User, ref?: string, body?: unknown,
 *   target?: number, value?: string, on?: boolean, user?: User, role?: string | null,
 *   title?: string, default_role?: string | null, edited_seq?: number, deleted_seq?: number,
 *   open?: boolean, state?: string, error?: unknown,
 *   reactions?: Record<string, string[]>}} Entry
 */
/**
 * @typedef {{seq: number, kind: "message" | "note", at: string, by: User, entry: Entry,
 *   body: unknown, edited: number, deleted: boolean, reactions: Map<string, string[]>,
 *   version: number, open: boolean, grown: number, isStopping: boolean, end: Entry | null}} Entity `open`:
 *   its text grows, which `grown` counts; `end`: the `finish` of one that grew.
 */
/** @typedef {{type: "open", seq: number, body: unknown}} Open */
/** @typedef {{type: "append", target: number, text: string, part?: number}} Append */
/**
 * @typedef {{ref: string, body: unknown, at: string, state: "pending" | "failed", reason: string,
 *   code: string, version: number}} Pending `reason` is for people, `code` the server's.
 */
/** @typedef {{entries: Entry[], from: number, to: number, head: number, oldest: number}} Page */

export const MAX_KEPT = 2000;
const MAX_RECENT = 1000;

export class Timeline {
  /** @type {Entity[]} In seq order. */
  records = [];
  /** @type {Pending[]} In the order they were written. */
  pending = [];
  /** The stretch that is known, both ends included; empty when `to` < `from`. */
  from = 1;
  to = 0;
  oldest = 1;
  /** Whether the stretch reaches the newest entry, so that live entries continue it. */
  attached = true;
  /** The newest entry that came over the socket, or was in the first page. */
  latest = 0;
  /** @type {Map<number, Entity>} */
  #bySeq = new Map();
  /** @type {Entry[]} */
  #recent = [];
  /** @type {Map<number, unknown>} What the socket has told of messages in the making, by seq. */
  #making = new Map();
  /** @type {Map<number, Entry>} How those ended that grew, by their seq. */
  #ends = new Map();

  /** @param {string} me The reader's own user id. */
  constructor(me) {
    this.me = me;
  }

  get isAtStart() {
    return this.from <= this.oldest;
  }

  /** Keep only what waits to be sent, and begin with the newest page. @param {Page} page */
  reset(page) {
    this.records = [];
    this.#bySeq.clear();
    this.#recent = this.#recent.filter((entry) => entry.seq > page.head);
    this.latest = Math.max(page.head, this.#recent.at(-1)?.seq ?? 0);
    this.from = page.from;
    this.to = page.to;
    this.attached = true;
    this.#put(page.entries, false);
    this.#catchUp(page);
  }

  /** Another life of the log begins: its numbers mean other entries. */
  forget() {
    this.#recent = [];
    this.#making.clear();
    this.#ends.clear();
    this.latest = 0;
  }

  /** Whether a page was read too long ago to be brought up to date. @param {Page} page */
  isStale(page) {
    const first = this.#recent[0];
    return first !== undefined && page.head < first.seq - 1 && page.head < this.latest;
  }

  /** The page that ends where the stretch begins. @param {Page} page */
  prepend(page) {
    this.#put(page.entries, true);
    this.from = Math.min(this.from, page.from);
    this.#catchUp(page);
  }

  /** The page that begins where the stretch ends. @param {Page} page */
  append(page) {
    this.#put(page.entries, false);
    this.to = Math.max(this.to, page.to);
    this.attached = this.to >= this.latest;
    this.#catchUp(page);
  }

  /** A live entry, in seq order. @param {Entry} told */
  apply(told) {
    const entry = this.#make(told);
    this.latest = Math.max(this.latest, entry.seq);
    this.#recent.push(entry);
    if (this.#recent.length > MAX_RECENT * 2) this.#recent.splice(0, MAX_RECENT);
    this.#settle(entry);
    this.#take(entry);
  }

  /** Text of a message in the making: more of it, or all that there is. @param {Open | Append} frame */
  grow(frame) {
    const seq = frame.type === "open" ? frame.seq : frame.target;
    if (frame.type === "append" && !this.#making.has(seq)) return;
    const body = frame.type === "open" ? frame.body : grown(this.#making.get(seq), frame);
    this.#making.set(seq, body);
    const record = this.#bySeq.get(seq);
    if (!record?.open) return;
    record.body = body;
    record.grown += 1;
  }

  /** @param {number} seq */
  get(seq) {
    return this.#bySeq.get(seq);
  }

  /**
   * Drop what is far from the reader, so that memory is bounded; it can be fetched again.
   *
   * @param {"oldest" | "newest"} end
   */
  trim(end, most = MAX_KEPT) {
    const extra = this.records.length - most;
    if (extra <= 0) return false;
    const gone = end === "oldest" ? this.records.splice(0, extra) : this.records.splice(-extra);
    for (const record of gone) this.#bySeq.delete(record.seq);
    if (end === "oldest") {
      this.from = this.records[0].seq;
    } else {
      this.to = this.records[this.records.length - 1].seq;
      this.attached = false;
    }
    return true;
  }

  /** @param {string} ref @param {unknown} body @param {string} at */
  write(ref, body, at) {
    this.pending.push({ ref, body, at, state: "pending", reason: "", code: "", version: 0 });
  }

  /**
   * @param {string} ref
   * @param {string | null} reason null: it is being sent again.
   * @param {string} [code]
   */
  mark(ref, reason, code = "") {
    const found = this.pending.find((pending) => pending.ref === ref);
    if (!found) return;
    const state = reason === null ? "pending" : "failed";
    Object.assign(found, { state, reason: reason ?? "", code });
    found.version += 1;
  }

  /**
   * It is stored; until its entry comes, it stays where it is.
   *
   * @param {string} ref
   * @param {number} seq
   */
  confirm(ref, seq) {
    if (seq <= this.latest) this.discard(ref);
  }

  /** @param {string} ref */
  discard(ref) {
    this.pending = this.pending.filter((pending) => pending.ref !== ref);
  }

  /** The newest message of somebody that still stands. @param {string} userId */
  lastOf(userId) {
    const isTheirs = (/** @type {Entity} */ record) =>
      record.kind === "message" && record.by.id === userId && !record.deleted;
    return this.records.findLast(isTheirs);
  }

  /**
   * An entry with all that it means for a message in the making: who had every addition is told of
   * its end without the text, which a page that was read before would lack.
   *
   * @param {Entry} entry
   * @returns {Entry}
   */
  #make(entry) {
    if (entry.type === "message" && entry.open) this.#making.set(entry.seq, entry.body);
    if (entry.type !== "finish" && entry.type !== "delete") return entry;
    const target = entry.target ?? 0;
    const body = entry.body ?? this.#making.get(target);
    this.#making.delete(target);
    return entry.type === "finish" ? { ...entry, body } : entry;
  }

  /** Our own message has come back: it no longer waits. @param {Entry} entry */
  #settle(entry) {
    const isOurs = entry.type === "message" && entry.by.id === this.me;
    if (isOurs && entry.ref !== undefined) this.discard(entry.ref);
  }

  /** What happened after a page was read. @param {Page} page */
  #catchUp(page) {
    this.oldest = page.oldest;
    for (const entry of this.#recent) if (entry.seq > page.head) this.#take(entry);
  }

  /** @param {Entry} entry */
  #take(entry) {
    const isNext = this.attached && entry.seq > this.to;
    if (isNext) this.to = entry.seq;
    if (entry.type === "finish") this.#ends.set(entry.target ?? 0, entry);
    const target = this.#bySeq.get(entry.target ?? 0);
    if (target) change(target, entry);
    else if (isNext && entry.target === undefined) this.#put([entry], false);
  }

  /** @param {Entry} entry */
  #recordOf(entry) {
    const record = recordOf(entry);
    record.end = this.#ends.get(entry.seq) ?? null;
    // The socket may know more of it than a page that was read meanwhile.
    if (record.open && this.#making.has(entry.seq)) record.body = this.#making.get(entry.seq);
    return record;
  }

  /** @param {Entry[]} entries @param {boolean} inFront */
  #put(entries, inFront) {
    for (const entry of entries) if (entry.type === "finish") this.#ends.set(entry.target ?? 0, entry);
    const fresh = entries
      .filter(({ seq, target }) => target === undefined && !this.#bySeq.has(seq))
      .map((entry) => this.#recordOf(entry));
    for (const record of fresh) this.#bySeq.set(record.seq, record);
    this.records = inFront ? [...fresh, ...this.records] : append(this.records, fresh);
  }
}

/**
 * A body with more text behind what it has.
 *
 * @param {any} body
 * @param {Append} addition
 */
function grown(body, { text, part }) {
  if (typeof body === "string") return body + text;
  if (part === undefined) return { ...body, text: body.text + text };
  const parts = [...body.parts];
  parts[part] = { ...parts[part], text: parts[part].text + text };
  return { ...body, parts };
}

/** @param {Entity[]} records @param {Entity[]} fresh */
function append(records, fresh) {
  records.push(...fresh);
  return records;
}

/** @param {Entry} entry @returns {Entity} */
function recordOf(entry) {
  return {
    seq: entry.seq,
    kind: entry.type === "message" ? "message" : "note",
    at: entry.at,
    by: entry.by,
    entry,
    body: entry.body,
    edited: entry.edited_seq ?? 0,
    deleted: entry.deleted_seq !== undefined,
    reactions: new Map(Object.entries(entry.reactions ?? {})),
    version: 0,
    open: entry.open === true,
    grown: 0,
    isStopping: false,
    end: null,
  };
}

/** @param {Entity} record @param {Entry} entry */
function change(record, entry) {
  if (record.deleted) return;
  record.version += 1;
  if (entry.type === "delete") remove(record);
  else if (entry.type === "edit") edit(record, entry);
  else if (entry.type === "reaction") react(record, entry);
  else if (entry.type === "stop") record.isStopping = true;
  else if (entry.type === "finish") finish(record, entry);
}

/** @param {Entity} record @param {Entry} entry */
function finish(record, entry) {
  if (record.open && entry.body !== undefined) record.body = entry.body;
  record.open = false;
  record.end = entry;
}

/** @param {Entity} record */
function remove(record) {
  record.deleted = true;
  record.open = false;
  record.body = undefined;
  record.reactions = new Map();
}

/** @param {Entity} record @param {Entry} entry */
function edit(record, entry) {
  // An edit that was erased has no body, and one that is older than what we show is no news.
  if (entry.deleted_seq !== undefined || entry.seq < record.edited) return;
  record.body = entry.body;
  record.edited = entry.seq;
}

/** @param {Entity} record @param {Entry} entry */
function react(record, entry) {
  const value = entry.value ?? "";
  const users = (record.reactions.get(value) ?? []).filter((id) => id !== entry.by.id);
  if (entry.on) users.push(entry.by.id);
  if (users.length > 0) record.reactions.set(value, users);
  else record.reactions.delete(value);
}
