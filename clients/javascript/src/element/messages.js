// The messages of a room, as rows that stay the same while what they show changes.
import { textOf } from "@itemroom/client";
import { isolated, make } from "./dom.js";
/** @import { View } from "@itemroom/client" */
/** @import { Words } from "./words.js" */

/** @typedef {View["entries"][number]} ViewEntry */

export class Messages {
  #words;
  #acts;
  /** @type {Map<string, {entry: ViewEntry | null, row: HTMLElement}>} By the entry's key; null: show it again. */
  #rows = new Map();
  #mayStop = false;

  /**
   * @param {Words} words
   * @param {{retry: (ref: string) => void, discard: (ref: string) => void,
   *   stop: (seq: number) => void}} acts
   */
  constructor(words, acts) {
    this.#words = words;
    this.#acts = acts;
    // As a log, what comes is read out; with a tab stop, it can be scrolled by keys.
    const attributes = { role: "log", "aria-label": words.messages, tabindex: "0" };
    this.element = make("div", "messages", attributes);
  }

  /** @param {View} view */
  show({ entries, status, you }) {
    const { element } = this;
    const mayStop = you !== null && you.role !== "reader";
    if (mayStop !== this.#mayStop) for (const [key, { row }] of this.#rows) this.#rows.set(key, { row, entry: null });
    this.#mayStop = mayStop;
    const wasAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    const rows = entries.filter(({ type }) => type === "message").map((entry) => this.#rowOf(entry));
    const kept = new Set(rows);
    for (const [key, { row }] of this.#rows) {
      if (kept.has(row)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    // A row is only moved when it has to: whoever moves is read out again, and loses the focus.
    rows.forEach((row, index) => {
      if (element.children[index] !== row) element.insertBefore(row, element.children[index] ?? null);
    });
    // What was said before one came is there to be read, and not read out.
    element.setAttribute("aria-busy", String(status === "connecting" || status === "resuming"));
    if (wasAtEnd || entries.at(-1)?.status === "pending") element.scrollTop = element.scrollHeight;
  }

  /** @param {ViewEntry} entry */
  #rowOf(entry) {
    const known = this.#rows.get(entry.key);
    if (known?.entry === entry) return known.row;
    const row = known?.row ?? make("div", "message");
    row.dataset.status = entry.status;
    const isOpen = "open" in entry && entry.open === true;
    row.toggleAttribute("data-open", isOpen);
    // It is read out when it is complete, and not as it comes.
    row.setAttribute("aria-busy", String(isOpen));
    become(row, this.#parts(entry));
    this.#rows.set(entry.key, { entry, row });
    return row;
  }

  /** @param {ViewEntry} entry @returns {HTMLElement[]} */
  #parts(entry) {
    const at = new Date(entry.at);
    const clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const head = [
      make("span", "author", {}, isolated(entry.by?.name ?? "")),
      make("time", "time", { datetime: entry.at, title: at.toLocaleString() }, clock),
    ];
    return [...head, this.#text(entry), ...this.#end(entry), ...this.#fate(entry)];
  }

  /** @param {ViewEntry} entry */
  #text(entry) {
    if ("deleted_seq" in entry) return make("p", "gone", {}, this.#words.deleted);
    const body = "body" in entry ? entry.body : null;
    return make("p", "text", { dir: "auto" }, textOf(body));
  }

  /** What is to be said of a text that grows, or grew. @param {ViewEntry} entry @returns {HTMLElement[]} */
  #end(entry) {
    if (entry.status !== "stored" || entry.type !== "message") return [];
    const { writing, stopping, stop, ended } = this.#words;
    const said = ended[entry.finish?.state ?? ""];
    if (!entry.open) return said ? [make("p", "end", {}, said)] : [];
    if (entry.stop || !this.#mayStop) return [make("p", "end", {}, entry.stop ? stopping : writing)];
    const button = make("button", "stop", { type: "button" }, stop);
    button.addEventListener("click", () => this.#acts.stop(entry.seq));
    return [make("p", "end", {}, writing, button)];
  }

  /** @param {ViewEntry} entry */
  #fate(entry) {
    if (entry.status !== "failed") return [];
    const { retry, discard, notSent } = this.#words;
    const again = make("button", "retry", { type: "button" }, retry);
    again.addEventListener("click", () => this.#acts.retry(entry.ref));
    const away = make("button", "discard", { type: "button" }, discard);
    away.addEventListener("click", () => this.#acts.discard(entry.ref));
    const why = `${notSent} ${entry.error?.message ?? ""}`;
    return [make("p", "failure", {}, why, again, away)];
  }
}

/**
 * Only what differs is replaced: what is put in is read out.
 *
 * @param {HTMLElement} row
 * @param {HTMLElement[]} parts
 */
function become(row, parts) {
  parts.forEach((part, index) => {
    const before = row.children[index];
    if (!before) row.append(part);
    else if (!before.isEqualNode(part)) before.replaceWith(part);
  });
  while (row.children.length > parts.length) row.lastElementChild?.remove();
}
