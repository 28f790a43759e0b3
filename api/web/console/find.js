/** Search in the messages that are loaded: how many, from one to the next, and marked as they stand. */

import { button, composes, el, write } from "./dom.js";
import { fold, placesOf, wordsOf } from "./found.js";

/** @typedef {import("./timeline.js").Entity} Entity */

const SOON_MS = 120; // Typing goes on while the search waits for its end.
const MOST_MARKS = 2000;

export class Find {
  #box = el("input", {
    type: "search",
    "aria-label": "Search in loaded messages",
    placeholder: "Search in what is loaded",
    autocomplete: "off",
    maxlength: 200,
  });
  #told = el("span", { role: "status", "aria-label": "Matches", class: "found" });
  /** @type {number[]} Seqs of the messages that have it, oldest first. */
  #matches = [];
  /** @type {number | null} Where the reader is among them. */
  #now = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isMarking = false;
  #observer = new MutationObserver(() => this.#markSoon());

  /**
   * @param {HTMLElement} canvas In which the messages stand.
   * @param {{records: () => Entity[], onShow: (seq: number) => void,
   *   onClose: (seq: number | null) => void}} acts
   */
  constructor(canvas, acts) {
    this.canvas = canvas;
    this.acts = acts;
    this.element = el(
      "search",
      { class: "find", hidden: true },
      this.#box,
      this.#told,
      button("Earlier match", () => this.#step(-1), { icon: "up", bare: true }),
      button("Later match", () => this.#step(1), { icon: "down", bare: true }),
      button("Close search", () => this.close(), { icon: "close", bare: true }),
    );
    this.#box.addEventListener("input", () => this.#typed());
    this.element.addEventListener("keydown", (event) => this.#pressed(event));
  }

  open() {
    this.element.hidden = false;
    this.#box.focus();
    this.#box.select();
    this.#observer.observe(this.canvas, { childList: true, subtree: true, characterData: true });
    this.#search();
  }

  close() {
    const seq = this.#now;
    this.end();
    this.element.hidden = true;
    this.acts.onClose(seq);
  }

  end() {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    this.#now = null;
    unmark();
  }

  /** Other messages are loaded, or say something else. */
  refresh() {
    if (this.element.hidden) return;
    this.#collect();
    this.#tell();
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), SOON_MS);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (composes(event)) return;
    const isInBox = event.target === this.#box;
    if (event.key === "Escape") this.close();
    else if (isInBox && event.key === "Enter") this.#step(event.shiftKey ? 1 : -1);
    else if (isInBox && event.key === "ArrowUp") this.#step(-1);
    else if (isInBox && event.key === "ArrowDown") this.#step(1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Begin at the newest that has it. */
  #search() {
    this.#now = null;
    this.#collect();
    this.#now = this.#matches.at(-1) ?? null;
    this.#show();
  }

  #collect() {
    const wanted = this.#wanted;
    const has = (/** @type {Entity} */ record) => fold(wordsOf(record)).includes(wanted);
    this.#matches = wanted === "" ? [] : this.acts.records().filter(has).map(({ seq }) => seq);
  }

  get #wanted() {
    return fold(this.#box.value.trim());
  }

  /** @param {1 | -1} step */
  #step(step) {
    clearTimeout(this.#timer);
    this.#collect();
    const { length } = this.#matches;
    if (length === 0) return this.#show();
    const index = this.#now === null ? -1 : this.#matches.indexOf(this.#now);
    const next = index < 0 ? length - 1 : (index + step + length) % length;
    this.#now = this.#matches[next];
    this.#show();
  }

  #show() {
    this.#tell();
    if (this.#now !== null) this.acts.onShow(this.#now);
    this.#mark();
  }

  #tell() {
    const { length } = this.#matches;
    const place = this.#now === null ? -1 : this.#matches.indexOf(this.#now);
    const many = place < 0 ? `${length} found` : `${place + 1} of ${length}`;
    const nothing = this.#wanted === "" ? "" : "Not found";
    write(this.#told, length > 0 ? many : nothing);
  }

  /** Rows come and go as the reader scrolls: once a frame is enough. */
  #markSoon() {
    if (this.#isMarking) return;
    this.#isMarking = true;
    requestAnimationFrame(() => {
      this.#isMarking = false;
      if (!this.element.hidden) this.#mark();
    });
  }

  #mark() {
    if (!("highlights" in CSS)) return; // It is found all the same, and brought to the screen.
    const here = new Highlight();
    const others = new Highlight();
    for (const row of this.#wanted === "" ? [] : this.canvas.querySelectorAll("[data-seq]")) {
      const isHere = Number(row.getAttribute("data-seq")) === this.#now;
      for (const range of placesOf(row, this.#wanted)) {
        if (here.size + others.size < MOST_MARKS) (isHere ? here : others).add(range);
      }
    }
    CSS.highlights.set("found", others);
    CSS.highlights.set("found-here", here);
  }
}

function unmark() {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete("found");
  CSS.highlights.delete("found-here");
}
