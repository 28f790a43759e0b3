// Where messages are written.
import { make } from "./dom.js";
/** @import { Words } from "./words.js" */

export class Composer {
  #box;

  /**
   * @param {Words} words
   * @param {(text: string) => void} onSend
   */
  constructor(words, onSend) {
    this.#box = make("textarea", "input", { rows: "1", dir: "auto", enterkeyhint: "send" });
    const label = make("label", "label", {}, words.message, this.#box);
    this.element = make("form", "composer", {}, label, make("button", "send", {}, words.send));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(onSend);
    });
    this.#box.addEventListener("keydown", (event) => {
      // The Enter that picks a word of an input method is not ours; Safari tells by 229 only.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit(onSend);
    });
  }

  focus() {
    this.#box.focus();
  }

  /** @param {(text: string) => void} onSend */
  #submit(onSend) {
    const text = this.#box.value.trim();
    this.#box.focus();
    if (text === "") return;
    this.#box.value = "";
    onSend(text);
  }
}
