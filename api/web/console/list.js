/**
 * A list of which only the rows near the screen are in the document.
 *
 * Rows stand at their place by `transform`, so one that has the focus can stay in the document
 * wherever the reader scrolls. Whatever changes, what the reader looks at stays where it is: the
 * first visible row is the anchor, and at the end of the list the end is.
 */

import { Heights } from "./heights.js";

const MARGIN = 400; // Pixels rendered above and below the screen: one flick of a finger.
const NEAR = 1500; // Pixels from an end at which more is asked for.
const END = 48; // Within so many pixels the reader is at the end, and follows it.
const EDGE = 24; // Pixels between a revealed row and the edge of the screen.
const MAX_PASSES = 4; // Measuring moves rows, which may bring others near the screen.

/**
 * @template {{key: string, sign: string}} R
 */
export class VirtualList {
  /** @type {Heights<R>} */
  #heights;
  /** @type {Map<string, {element: HTMLElement, sign: string}>} What is in the document. */
  #shown = new Map();
  /** Whether the reader is at the end and stays there. */
  isAtEnd = true;
  #width = 0;
  #observer = new ResizeObserver((changes) => this.#resized(changes));

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} canvas As high as all rows together.
   * @param {{render: (row: R) => HTMLElement, estimate: (row: R) => number,
   *   grow: (row: R, element: HTMLElement) => boolean, isSteady: (row: R) => boolean, isHeld: (row: R) => boolean, onMove: () => void,
   *   onReplace: (old: HTMLElement, element: HTMLElement) => void}} view `isSteady`: it keeps its
   *   place among the others, whatever comes; `isHeld`: it is not to be drawn again now; `grow`: if
   *   only more text is to be shown, have the element show it.
   */
  constructor(scroller, canvas, view) {
    this.scroller = scroller;
    this.canvas = canvas;
    this.view = view;
    this.#heights = new Heights(view.estimate);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#observer.observe(scroller);
  }

  /** @param {R[]} rows */
  update(rows) {
    const anchor = this.#anchor();
    this.#heights.setRows(rows);
    this.#keep(anchor);
    this.#paint();
  }

  end() {
    this.#observer.disconnect();
  }

  get isNearTop() {
    return this.scroller.scrollTop < NEAR;
  }

  get isNearEnd() {
    return this.#heights.total - this.scroller.scrollTop - this.scroller.clientHeight < NEAR;
  }

  /** The keys on the screen, from the first to the last. */
  get visible() {
    const { scrollTop, clientHeight } = this.scroller;
    return [this.#heights.at(scrollTop), this.#heights.at(scrollTop + clientHeight - 1)];
  }

  toEnd() {
    this.isAtEnd = true;
    this.#paint();
    this.view.onMove();
  }

  /**
   * Bring a row to the screen, if it is not there.
   *
   * @param {string} key
   * @param {"nearest" | "center"} [where]
   */
  reveal(key, where = "nearest") {
    const index = this.#heights.indexOf(key);
    if (index < 0) return;
    // What comes to the screen is measured, which moves it if the guess was far off.
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const top = this.#scrollFor(index, where);
      if (top === null || Math.abs(top - this.scroller.scrollTop) < 1) break;
      this.isAtEnd = false;
      this.scroller.scrollTop = top;
      this.#paint();
    }
    this.#noteEnd();
  }

  /**
   * Where to scroll to have a row on the screen; null: it is there.
   *
   * @param {number} index
   * @param {"nearest" | "center"} where
   */
  #scrollFor(index, where) {
    const { scrollTop, clientHeight } = this.scroller;
    const top = this.#heights.top(index);
    const bottom = top + this.#heights.height(index);
    if (where === "nearest" && top >= scrollTop && bottom <= scrollTop + clientHeight) return null;
    const below = clientHeight - (bottom - top) - EDGE;
    const above = where === "center" ? clientHeight / 3 : top < scrollTop ? EDGE : below;
    return Math.max(0, top - above);
  }

  /**
   * The element of a row, brought to the screen.
   *
   * @param {string} key
   */
  element(key) {
    this.reveal(key);
    return this.#shown.get(key)?.element ?? null;
  }

  /**
   * The next row in a direction that a test accepts, from a key or, without one, from the screen's
   * end.
   *
   * @param {string | null} key
   * @param {1 | -1} step
   * @param {(row: R) => boolean} accepts
   */
  next(key, step, accepts) {
    const found = key === null ? -1 : this.#heights.indexOf(key);
    let index = found < 0 ? this.visible[1] + 1 : found;
    for (index += step; index >= 0 && index < this.#heights.count; index += step) {
      const row = this.#heights.row(index);
      if (accepts(row)) return row;
    }
    return null;
  }

  /** The rows on the screen: should one go, the next counts. */
  #anchor() {
    /** @type {{key: string, offset: number}[]} */
    const anchors = [];
    if (this.#heights.count === 0) return anchors;
    const [first, last] = this.visible;
    for (let index = first; index <= last; index += 1) {
      const row = this.#heights.row(index);
      const offset = this.#heights.top(index) - this.scroller.scrollTop;
      if (this.view.isSteady(row)) anchors.push({ key: row.key, offset });
    }
    return anchors;
  }

  /** @param {{key: string, offset: number}[]} anchors */
  #keep(anchors) {
    this.canvas.style.height = `${this.#heights.total}px`;
    if (this.isAtEnd) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
      return;
    }
    const anchor = anchors.find(({ key }) => this.#heights.indexOf(key) >= 0);
    if (!anchor) return;
    const top = this.#heights.top(this.#heights.indexOf(anchor.key)) - anchor.offset;
    if (Math.abs(top - this.scroller.scrollTop) >= 1) this.scroller.scrollTop = top;
  }

  #paint() {
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const anchor = this.#anchor();
      const fresh = this.#render();
      if (!this.#measure(fresh) && pass > 0) break;
      this.#keep(anchor);
    }
    this.#place();
  }

  /** Have exactly the wanted rows in the document; those that are new or drawn again. */
  #render() {
    const wanted = this.#wanted();
    for (const [key, { element }] of this.#shown) {
      if (!wanted.has(key)) this.#drop(key, element);
    }
    /** @type {[string, HTMLElement][]} */
    const fresh = [];
    /** @type {HTMLElement | null} */
    let previous = null;
    for (const [key, row] of wanted) {
      const element = this.#drawn(key, row, fresh);
      /** @type {ChildNode | null} */
      const next = previous === null ? this.canvas.firstChild : previous.nextSibling;
      if (element !== next) this.canvas.insertBefore(element, next);
      previous = element;
    }
    return fresh;
  }

  /** @returns {Map<string, R>} In the order of the list. */
  #wanted() {
    const rows = this.#heights;
    if (rows.count === 0) return new Map();
    const { scrollTop, clientHeight } = this.scroller;
    const first = rows.at(scrollTop - MARGIN);
    const last = rows.at(scrollTop + clientHeight + MARGIN);
    const indexes = [];
    for (let index = first; index <= last; index += 1) indexes.push(index);
    const focused = this.#focused();
    if (focused >= 0 && focused < first) indexes.unshift(focused);
    if (focused > last) indexes.push(focused);
    return new Map(indexes.map((index) => [rows.row(index).key, rows.row(index)]));
  }

  #focused() {
    const row = document.activeElement?.closest("[data-key]");
    if (!(row instanceof HTMLElement) || row.parentElement !== this.canvas) return -1;
    return this.#heights.indexOf(row.dataset.key ?? "");
  }

  /**
   * @param {string} key
   * @param {R} row
   * @param {[string, HTMLElement][]} fresh
   */
  #drawn(key, row, fresh) {
    const shown = this.#shown.get(key);
    if (shown && (shown.sign === row.sign || this.view.isHeld(row))) return shown.element;
    // A button that is being pressed would be lost with its row.
    if (shown && this.view.grow(row, shown.element)) {
      shown.sign = row.sign;
      fresh.push([key, shown.element]);
      return shown.element;
    }
    const element = this.view.render(row);
    element.dataset.key = key;
    if (shown) this.#replace(shown.element, element);
    this.#shown.set(key, { element, sign: row.sign });
    this.#observer.observe(element);
    fresh.push([key, element]);
    return element;
  }

  /** @param {HTMLElement} old @param {HTMLElement} element */
  #replace(old, element) {
    const focus = old.contains(document.activeElement) ? document.activeElement : null;
    this.#observer.unobserve(old);
    this.view.onReplace(old, element);
    old.replaceWith(element);
    const target = focus && element.contains(focus) ? focus : element;
    if (focus && target instanceof HTMLElement) target.focus({ preventScroll: true });
  }

  /** @param {string} key @param {HTMLElement} element */
  #drop(key, element) {
    this.#observer.unobserve(element);
    element.remove();
    this.#shown.delete(key);
  }

  /** @param {[string, HTMLElement][]} fresh */
  #measure(fresh) {
    let isNews = false;
    for (const [key, element] of fresh) {
      isNews = this.#heights.measure(key, element.offsetHeight) || isNews;
    }
    return isNews;
  }

  #place() {
    for (const [key, { element }] of this.#shown) {
      element.style.transform = `translateY(${this.#heights.top(this.#heights.indexOf(key))}px)`;
    }
  }

  #scrolled() {
    this.#noteEnd();
    this.#paint();
    this.view.onMove();
  }

  #noteEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.scroller;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < END;
  }

  /** @param {ResizeObserverEntry[]} changes */
  #resized(changes) {
    const anchor = this.#anchor();
    const width = this.scroller.clientWidth;
    const isReflowed = width !== this.#width;
    if (isReflowed) this.#heights.forget();
    this.#width = width;
    const rows = isReflowed ? this.#all() : rowsIn(changes);
    const isScroller = changes.some(({ target }) => target === this.scroller);
    // A row that came into the document is told of too, and has been measured.
    if (!this.#measure(rows) && !isScroller) return;
    this.#keep(anchor);
    this.#paint();
    this.view.onMove();
  }

  /** @returns {[string, HTMLElement][]} */
  #all() {
    return [...this.#shown].map(([key, { element }]) => [key, element]);
  }
}

/** @param {ResizeObserverEntry[]} changes @returns {[string, HTMLElement][]} */
function rowsIn(changes) {
  return changes.flatMap(({ target }) =>
    target instanceof HTMLElement && target.dataset.key && target.isConnected
      ? [[target.dataset.key, target]]
      : [],
  );
}
