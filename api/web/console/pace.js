/** When to draw: at most once a frame, so that a burst is drawn together, and not most of the time. */

const COSTLY_MS = 30; // Drawing that takes so long leaves time for whatever else the reader does.
const HIDDEN_MS = 100; // A hidden tab draws no frames.
const LONGEST_MS = 2000;

export class Pace {
  #isDue = false;
  /** Milliseconds that drawing took last. */
  #cost = 0;

  /** @param {() => void} draw */
  constructor(draw) {
    this.draw = draw;
  }

  soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    if (document.hidden) setTimeout(() => this.#now(), HIDDEN_MS);
    else if (this.#cost > COSTLY_MS) setTimeout(() => this.#now(), this.#rest);
    else requestAnimationFrame(() => this.#now());
  }

  get #rest() {
    return Math.min(this.#cost * 3, LONGEST_MS);
  }

  #now() {
    this.#isDue = false;
    const began = performance.now();
    this.draw();
    this.#cost = performance.now() - began;
  }
}
