/** How the connection stands: always on the screen, in words. */

import { el, write } from "./dom.js";
import { counted, reasonFor } from "./format.js";

/** @typedef {"connecting" | "resuming" | "live" | "waiting" | "refused" | "closed"} State */

const NOTE_MS = 20_000;

/**
 * How it stands, and why if there is a reason.
 *
 * @param {State} state
 * @param {string | null} [reason]
 * @returns {[state: string, reason: string]}
 */
export function describe(state, reason = null) {
  switch (state) {
    case "connecting":
      return ["Connecting…", ""];
    case "resuming":
      return ["Resuming…", ""];
    case "live":
      return ["Live", ""];
    case "waiting":
      return ["Waiting to reconnect", reasonFor(reason)];
    case "refused":
      return ["Refused", reasonFor(reason, "The server did not let you in.")];
    default:
      return ["Closed", ""];
  }
}

export class ConnectionStatus {
  #text = el("span", { class: "state-text" });
  // The seconds count down for the eyes alone: read out each second, they would never end.
  #countdown = el("span", { "aria-hidden": "true", class: "countdown" });
  #reason = el("span", {});
  #note = el("p", { class: "resume-note", role: "status", "aria-label": "Resume" });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #forgetting;
  /**
   * Where the log was when the connection went, and what came since.
   *
   * @type {{from: number, caught: number} | null}
   */
  #lost = null;

  constructor() {
    this.element = el(
      "p",
      { class: "connection", role: "status", "aria-label": "Connection" },
      el("span", { class: "dot", "aria-hidden": "true" }),
      this.#text,
      this.#countdown,
      this.#reason,
    );
    this.note = this.#note;
  }

  /**
   * @param {State} state
   * @param {string | null} reason
   * @param {number | null} retryAt Milliseconds since the epoch.
   */
  show(state, reason, retryAt) {
    clearInterval(this.#ticking);
    this.element.dataset.state = state;
    if (reason && state !== "live") this.element.dataset.reason = reason;
    else delete this.element.dataset.reason;
    const [text, why] = describe(state, reason);
    write(this.#text, text);
    write(this.#reason, why && `. ${why}`);
    this.#countdown.textContent = "";
    if (state !== "waiting" || retryAt === null) return;
    const tick = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
      this.#countdown.textContent = ` in ${seconds} s`;
    };
    tick();
    this.#ticking = setInterval(tick, 250);
  }

  /** The connection is gone; the log stands at a seq. @param {number} seq */
  lose(seq) {
    this.#lost ??= { from: seq, caught: 0 };
    write(this.#note, `Connection lost at ${seq}`);
    clearTimeout(this.#forgetting);
  }

  caughtUp() {
    if (this.#lost) this.#lost.caught += 1;
  }

  /** Replay is over. */
  found() {
    if (!this.#lost) return;
    const { from, caught } = this.#lost;
    this.#lost = null;
    write(this.#note, `Resumed at ${from}, ${counted(caught, "entry", "entries")} caught up`);
    this.#forgetting = setTimeout(() => write(this.#note, ""), NOTE_MS);
  }

  /** There is nothing to resume any more. */
  giveUp() {
    this.#lost = null;
    write(this.#note, "");
  }

  end() {
    clearInterval(this.#ticking);
    clearTimeout(this.#forgetting);
  }
}
