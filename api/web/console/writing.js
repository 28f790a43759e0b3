/** Boxes in which messages are written: as high as their text, and aware of how much fits. */

import { el, write } from "./dom.js";
import { counted } from "./format.js";

const NEAR = 0.8; // From this part of the limit on the reader is told how much is left.
let lastId = 0;

/** As high as its text, up to what the style sheet allows. @param {HTMLTextAreaElement} box */
export function grow(box) {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + box.offsetHeight - box.clientHeight}px`;
}

/** What a body takes of the server's limit: its JSON, in UTF-8. @param {unknown} body */
const bytesOf = (body) => new TextEncoder().encode(JSON.stringify(body)).length;

/** How much more fits into a message: said near the limit and beyond it. */
export class Allowance {
  #box;
  #limit;

  /**
   * @param {HTMLTextAreaElement} box
   * @param {() => number | null} limit Bytes of a body; null: not known yet.
   */
  constructor(box, limit) {
    lastId += 1;
    this.#box = box;
    this.#limit = limit;
    this.element = el("p", { class: "allowance", id: `allowance-${lastId}`, hidden: true });
    box.setAttribute("aria-describedby", this.element.id);
  }

  /**
   * Say how it stands with a body, if there is something to say.
   *
   * @param {unknown} body
   * @returns {boolean} Whether it fits.
   */
  show(body) {
    const limit = this.#limit();
    const left = limit === null ? Infinity : limit - bytesOf(body);
    const fits = left >= 0;
    this.element.hidden = limit === null || left > limit * (1 - NEAR);
    if (this.element.hidden) write(this.element, "");
    else if (fits) write(this.element, `${counted(left, "byte")} left`);
    else write(this.element, `Too long by ${counted(-left, "byte")}`);
    if (fits) this.#box.removeAttribute("aria-invalid");
    else this.#box.setAttribute("aria-invalid", "true");
    return fits;
  }
}
