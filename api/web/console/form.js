/** Forms that are sent by a call: what is wrong is said at the field that it is about. */

import { Problem } from "./api.js";
import { button, el } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

/**
 * A form that is sent by a call and shows its refusal in words. The names of its controls are those
 * of the call's fields.
 *
 * @param {Child[]} content
 * @param {string} label Of the button that sends it.
 * @param {() => Promise<unknown>} send
 * @param {{class?: string, isDangerous?: boolean, onCancel?: () => void,
 *   codes?: Record<string, string>}} [look] `codes`: the field of a refusal that names none.
 */
export function form(content, label, send, look = {}) {
  const kind = look.isDangerous ? "button danger" : "button primary";
  const submit = el("button", { type: "submit", class: kind }, label);
  const error = el("p", { class: "error", role: "alert" });
  const cancel = look.onCancel && button("Cancel", look.onCancel);
  const element = el(
    "form",
    { class: look.class ?? "stack", novalidate: true },
    content,
    error,
    el("div", { class: "row-buttons" }, submit, cancel),
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    error.textContent = "";
    if (!isComplete(element)) return;
    submit.disabled = true;
    try {
      await send();
    } catch (refusal) {
      if (!tell(element, refusal, look.codes ?? {})) error.textContent = inWords(refusal);
    } finally {
      submit.disabled = false;
    }
  });
  return element;
}

/** @param {unknown} refusal */
const inWords = (refusal) => (refusal instanceof Error ? refusal.message : String(refusal));

/** @param {HTMLFormElement} element @returns {Control[]} */
const controls = (element) =>
  [...element.querySelectorAll("input, select, textarea")].map(
    (control) => /** @type {Control} */ (control),
  );

/** Whether nothing is missing; what is, is marked. @param {HTMLFormElement} element */
function isComplete(element) {
  const faults = controls(element).filter((control) => !control.validity.valid);
  controls(element).forEach(unmark);
  for (const control of faults) {
    mark(control, control.validity.valueMissing ? "Fill this in." : control.validationMessage);
  }
  faults[0]?.focus();
  return faults.length === 0;
}

/**
 * Say a refusal at the fields that it is about.
 *
 * @param {HTMLFormElement} element
 * @param {unknown} refusal
 * @param {Record<string, string>} codes
 * @returns {boolean} False: it is about none of them.
 */
function tell(element, refusal, codes) {
  if (!(refusal instanceof Problem)) return false;
  const named = refusal.errors.map(({ loc, problem }) => ({ name: loc.at(-1), problem }));
  const { code, message } = refusal;
  const faults = named.length > 0 ? named : [{ name: codes[code], problem: message }];
  const marked = faults.map(({ name, problem }) => {
    const control = controls(element).find((one) => one.name && one.name === name);
    if (control) mark(control, sentence(problem));
    return control;
  });
  marked.find(Boolean)?.focus();
  return marked.every(Boolean);
}

/** What the validator of the server says, for those who do not know what a string is. */
const LENGTH = /should have (at (?:most|least) \d+ characters?)/u;

/** @param {string} problem */
function sentence(problem) {
  const length = LENGTH.exec(problem);
  return length ? `This has ${length[1]}.` : problem;
}

/** @param {Control} control @param {string} text */
function mark(control, text) {
  unmark(control);
  const fault = el("p", { class: "fault", id: `${control.id}-fault` }, text);
  control.after(fault);
  control.setAttribute("aria-invalid", "true");
  describe(control, [fault.id, ...described(control)]);
  control.addEventListener("input", () => unmark(control), { once: true });
}

/** @param {Control} control */
function unmark(control) {
  const fault = document.getElementById(`${control.id}-fault`);
  if (!fault) return;
  fault.remove();
  control.removeAttribute("aria-invalid");
  describe(control, described(control).filter((id) => id !== fault.id));
}

/** @param {Control} control */
const described = (control) => control.getAttribute("aria-describedby")?.split(" ") ?? [];

/** @param {Control} control @param {string[]} ids */
function describe(control, ids) {
  if (ids.length > 0) control.setAttribute("aria-describedby", ids.join(" "));
  else control.removeAttribute("aria-describedby");
}
