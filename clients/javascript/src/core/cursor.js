// Where a client is in an item's log.
import { lost } from "./errors.js";
/** @import { Gap } from "./entries.js" */
/** @import { Welcome } from "./frames.js" */

/** The place after which the log goes on, across connections. */
export class Cursor {
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
