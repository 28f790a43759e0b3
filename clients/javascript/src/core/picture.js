// What a client knows of a room without its entries.
import { Presence } from "./presence.js";
/** @import { Entry, Role, User } from "./entries.js" */
/** @import { Welcome } from "./frames.js" */

/** Kept current by what comes; null before the first `welcome`. */
export class Picture {
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
