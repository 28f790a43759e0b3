/** What the reader has missed: the line of what is new, and how many came meanwhile. Pure. */

export class Attention {
  /** What was read when the reader left; null: no line is drawn. @type {number | null} */
  newAfter = null;
  /** Messages of others that the reader has not had on the screen. */
  unseen = 0;

  /** The reader comes. @param {number | null} readSeq null: there is nothing new. */
  come(readSeq) {
    this.newAfter = readSeq;
    this.unseen = 0;
  }

  /** A message of somebody else came, and the reader was not looking. @param {number} seq */
  miss(seq) {
    this.newAfter ??= seq - 1;
    this.unseen += 1;
  }

  /** The newest messages are on the screen, and the reader is there. */
  look() {
    this.unseen = 0;
  }

  /** The reader turns away: what was new is no longer. */
  leave() {
    if (this.unseen === 0) this.newAfter = null;
  }

  /** The reader answers: the line has done its work. */
  answer() {
    this.newAfter = null;
  }
}
