/** A tiny builder of elements. Text only ever becomes text: there is no way to hand it markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes, listeners (`onclick: fn`) and children.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [attributes] null, undefined and false are left out.
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {any} value
 */
function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") element.addEventListener(name.slice(2), value);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
export function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Take everything out of an element and put these in.
 *
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/**
 * Write a text only when it differs: a screen reader would read an unchanged status again.
 *
 * @param {Node} node
 * @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Of a field for what is no prose: nothing may be corrected, completed or capitalised in it. */
export const CODE_INPUT = { autocomplete: "off", autocapitalize: "none", spellcheck: "false" };

/** @type {Record<string, string>} Paths on a grid of 24, drawn as strokes. */
const ICONS = {
  back: "M15 5l-7 7 7 7",
  check: "M5 13l4 4L19 7",
  close: "M6 6l12 12M18 6L6 18",
  code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  copy: "M9 9h10v11H9zM5 15V4h10",
  down: "M12 5v13M6 12l6 6 6-6",
  edit: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  open: "M4 12h15M13 6l6 6-6 6",
  people: "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM2.5 20c0-3.6 2.9-6 6.5-6s6.5 2.4 6.5 6"
    + "M16 4.5a3.5 3.5 0 010 6.3M18 14.6c2.1.8 3.5 2.7 3.5 5.4",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 01-12 0zM12 17v4",
  plus: "M12 5v14M5 12h14",
  link: "M10 14l4-4M8.5 11L6 13.5a3.5 3.5 0 005 5L13.5 16M15.5 13L18 10.5a3.5 3.5 0 00-5-5L10.5 8",
  reply: "M10 6L4 12l6 6M4 12h9a7 7 0 017 7",
  search: "M10.5 17a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM15.3 15.3L20 20",
  send: "M4 12L20 4l-5 16-4-7z",
  smile: "M12 21a9 9 0 100-18 9 9 0 000 18zM8.5 14.5c1.8 2.4 5.2 2.4 7 0M9 9.5v.5M15 9.5v.5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  up: "M12 19V6M6 12l6-6 6 6",
};

/**
 * One of our icons; a decoration, since its button has a name of its own.
 *
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

/**
 * A button that never submits a form by accident.
 *
 * @param {string} label
 * @param {() => void} onclick
 * @param {{icon?: string, bare?: boolean, class?: string, title?: string}} [look] `bare` shows the
 *   icon alone, the label is its name.
 */
export function button(label, onclick, look = {}) {
  const attributes = {
    type: "button",
    class: look.class ?? (look.bare ? "button bare" : "button"),
    "aria-label": look.bare ? label : null,
    title: look.title ?? (look.bare ? label : null),
    onclick,
  };
  return el("button", attributes, look.icon ? icon(look.icon) : null, look.bare ? null : label);
}

let lastId = 0;

/**
 * A control with its label, and a hint if there is something to say.
 *
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  lastId += 1;
  control.id ||= `field-${lastId}`;
  const note = hint ? el("p", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  else control.removeAttribute("aria-describedby"); // It may have stood in another form.
  control.removeAttribute("aria-invalid");
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, note);
}

/**
 * A choice of one.
 *
 * @param {[value: string, label: string][]} choices
 * @param {string} chosen
 * @param {Record<string, any>} [attributes]
 */
export function select(choices, chosen, attributes = {}) {
  const options = choices.map(([value, label]) =>
    el("option", { value, selected: value === chosen }, label),
  );
  return el("select", attributes, options);
}

/**
 * Whether a key belongs to an input method, which picks a word with Enter and leaves with Escape.
 *
 * Safari says that the composition is over before it tells of the key that ended it: there, only
 * the code of the key is left to see it by.
 *
 * @param {KeyboardEvent} event
 */
export const composes = (event) => event.isComposing || event.keyCode === 229;
