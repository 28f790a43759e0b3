// All that a client knows and decides, across its connections. No input or output happens here:
// the shell tells it what came, and asks it what to send. Times are milliseconds of a monotonic
// clock.
import { Asides } from "./asides.js";
import { Drafts } from "./drafts.js";
import { lost, Refused } from "./errors.js";
import { Happening } from "./entries.js";
import { number, text } from "./frames.js";
import { Pace } from "./pace.js";
import { Picture } from "./picture.js";
import { Returning } from "./returning.js";
import { PING, Silence } from "./silence.js";
import { closing, refusal, tooBig } from "./verdicts.js";
import { Writings } from "./writings.js";
/** @import { Cursor } from "./cursor.js" */
/** @import { Entry } from "./entries.js" */
/** @import { ErrorFrame, Live, PresenceChange, ServerFrame, Welcome } from "./frames.js" */
/** @import { Outbox } from "./outbox.js" */

/** What holds as long as a room is used, whatever happens to its connections. */
export class Talk {
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
