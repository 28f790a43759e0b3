/** Where rows of different heights stand in a long list. Pure arithmetic, in CSS pixels. */

/**
 * @template {{key: string}} R
 */
export class Heights {
  /** @type {R[]} */
  #rows = [];
  /** @type {Map<string, number>} */
  #indexes = new Map();
  /** @type {Map<string, number>} */
  #measured = new Map();
  #tops = new Float64Array(1);
  /** The tops up to this index are right. */
  #right = 0;
  /** @type {(row: R) => number} */
  #estimate;

  /** @param {(row: R) => number} estimate The height of a row that was never on the screen. */
  constructor(estimate) {
    this.#estimate = estimate;
  }

  /** @param {R[]} rows Heights of rows that are no longer there are forgotten. */
  setRows(rows) {
    const measured = this.#measured;
    this.#measured = new Map();
    this.#indexes = new Map();
    rows.forEach((row, index) => {
      const height = measured.get(row.key);
      if (height !== undefined) this.#measured.set(row.key, height);
      this.#indexes.set(row.key, index);
    });
    this.#rows = rows;
    this.#tops = new Float64Array(rows.length + 1);
    this.#right = 0;
  }

  get count() {
    return this.#rows.length;
  }

  get total() {
    return this.top(this.#rows.length);
  }

  /** @param {number} index */
  row(index) {
    return this.#rows[index];
  }

  /** @param {string} key */
  indexOf(key) {
    return this.#indexes.get(key) ?? -1;
  }

  /** @param {number} index */
  height(index) {
    const row = this.#rows[index];
    return this.#measured.get(row.key) ?? this.#estimate(row);
  }

  /** Where a row begins; of the index after the last, where the list ends. @param {number} index */
  top(index) {
    for (; this.#right < index; this.#right += 1) {
      this.#tops[this.#right + 1] = this.#tops[this.#right] + this.height(this.#right);
    }
    return this.#tops[index];
  }

  /**
   * @param {string} key
   * @param {number} height
   * @returns {boolean} Whether it is news.
   */
  measure(key, height) {
    const index = this.indexOf(key);
    if (index < 0 || this.#measured.get(key) === height) return false;
    this.#measured.set(key, height);
    this.#right = Math.min(this.#right, index);
    return true;
  }

  /** The width has changed: what was measured is an estimate no better than ours. */
  forget() {
    this.#measured.clear();
    this.#right = 0;
  }

  /** The row at a distance from the top; beyond the ends the first or last. @param {number} y */
  at(y) {
    let low = 0;
    let high = Math.max(0, this.#rows.length - 1);
    this.top(this.#rows.length);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
