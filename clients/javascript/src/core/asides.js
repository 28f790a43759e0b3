// What is sent besides commands.

/** Frames of one connection, and the read marker, which every connection is told. */
export class Asides {
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
