/** Buttons that copy a text, and say that they did. */

import { button } from "./dom.js";
import { complain } from "./notices.js";

/** @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  const act = async () => {
    try {
      await navigator.clipboard.writeText(text());
      element.dataset.done = "yes";
      setTimeout(() => delete element.dataset.done, 1500);
    } catch {
      complain("The browser does not let this page copy: select the text and copy it.");
    }
  };
  const element = button(label, act, { icon: "copy", class: "button small copy" });
  return element;
}
