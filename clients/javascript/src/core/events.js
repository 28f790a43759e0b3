// Server-sent events, out of the pieces in which they come.

/** Characters of an event that has not ended: no frame is nearly as long. */
const LONGEST_EVENT = 2 ** 24;

/** Makes events of text; see "Event stream interpretation" in the HTML standard. */
export class EventParser {
  #rest = "";
  /** @type {string[]} */
  #data = [];

  /**
   * The `data` of each event that is complete now; null for a comment: a sign of life.
   *
   * @param {string} text
   * @returns {(string | null)[]}
   */
  push(text) {
    // A CR at the end may be half of a line break.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LONGEST_EVENT) throw new RangeError("an event has no end");
    return lines.flatMap((line) => this.#line(line));
  }

  /** @param {string} line @returns {(string | null)[]} */
  #line(line) {
    if (line.startsWith(":")) return [null];
    if (line.startsWith("data:")) this.#data.push(line.slice(5).replace(/^ /, ""));
    if (line !== "" || !this.#data.length) return [];
    return [this.#data.splice(0).join("\n")];
  }
}
