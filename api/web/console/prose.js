/** Markdown as elements: each is made here by name, and what it holds becomes text. */

import { button, el } from "./dom.js";
import { linkify, linkTo } from "./linkify.js";
import { blocksOf, evened } from "./markdown.js";
import { complain, toast } from "./notices.js";

/** @typedef {import("./markdown.js").Token} Token */
/** @typedef {{text: string, from: number, kept: number}} Grown `from`: where the last block begins,
 *   `kept`: how many elements stand before it. */

/** @type {Record<string, keyof HTMLElementTagNameMap>} */
const TAGS = {
  paragraph_open: "p",
  blockquote_open: "blockquote",
  bullet_list_open: "ul",
  ordered_list_open: "ol",
  list_item_open: "li",
  table_open: "table",
  thead_open: "thead",
  tbody_open: "tbody",
  tr_open: "tr",
  th_open: "th",
  td_open: "td",
  em_open: "em",
  strong_open: "strong",
  s_open: "s",
};
/** @type {Record<string, "h3" | "h4" | "h5">} Below the room's own. */
const HEADINGS = { h1: "h3", h2: "h4" };
const TASK = /^\[([ xX])\]\s/u;

/** @type {WeakMap<Element, Grown>} */
const shown = new WeakMap();

/**
 * Show a text, or more of the one that is shown: blocks that are complete stay as they are.
 *
 * @param {Element} element
 * @param {string} source
 */
export function showProse(element, source) {
  const text = evened(source);
  const before = shown.get(element);
  const isMore = before !== undefined && text.startsWith(before.text);
  const { from, kept } = isMore ? before : { from: 0, kept: 0 };
  const blocks = blocksOf(text.slice(from));
  if (blocks === null) {
    shown.delete(element);
    element.replaceChildren(el("p", {}, linked(text)));
    return;
  }
  for (const old of [...element.childNodes].slice(kept)) old.remove();
  element.append(...blocks.map(({ tokens }) => block(tokens)));
  const last = blocks.at(-1)?.from ?? 0;
  shown.set(element, { text, from: from + last, kept: kept + Math.max(0, blocks.length - 1) });
}

/** One that is too long is its text alone. @param {Token[]} tokens */
const block = (tokens) =>
  tokens[0].type === "text" ? el("p", {}, linked(tokens[0].content)) : build(tokens);

/** @param {Token[]} tokens */
function build(tokens) {
  const whole = document.createDocumentFragment();
  /** @type {(DocumentFragment | Element)[]} */
  const open = [whole];
  for (const token of tokens) {
    const parent = open[open.length - 1];
    if (token.nesting === 0) parent.append(...leaf(token, parent));
    else if (token.nesting === 1) open.push(opened(token, parent));
    else open.pop();
  }
  return whole;
}

/** @param {Token} token @param {DocumentFragment | Element} parent */
function opened(token, parent) {
  if (token.hidden) return parent; // A paragraph of a list without blank lines.
  const element = elementOf(token);
  const isTable = token.type === "table_open";
  parent.append(isTable ? tableFrame(element) : element);
  return element;
}

/** @param {Token} token @returns {Element} */
function elementOf(token) {
  if (token.type === "link_open") return link(token);
  if (token.type === "heading_open") return el(HEADINGS[token.tag] ?? "h5");
  const align = /right|center/u.exec(String(token.attrGet("style")));
  const attributes = { start: token.attrGet("start"), class: align && `to-${align[0]}` };
  return el(TAGS[token.type] ?? "span", attributes);
}

/** A table may be wider than the screen. @param {Element} table */
const tableFrame = (table) =>
  el("div", { class: "table", role: "region", "aria-label": "Table", tabindex: 0 }, table);

const OUTSIDE = { target: "_blank", rel: "noopener noreferrer" };

/** Where its text is the author's, it says where it leads. @param {Token} token */
function link(token) {
  const href = linkTo(String(token.attrGet("href")));
  return el("a", { href, title: token.markup ? null : href, ...OUTSIDE });
}

/** @param {Token} token @param {DocumentFragment | Element} parent @returns {(Node | string)[]} */
function leaf(token, parent) {
  switch (token.type) {
    case "inline":
      return [...task(token, parent), build(token.children ?? [])];
    case "softbreak":
    case "hardbreak":
      return ["\n"];
    case "code_inline":
      return [el("code", {}, token.content)];
    case "fence":
    case "code_block":
      return [codeBlock(token)];
    case "hr":
      return [el("hr")];
    case "image":
      return [image(token)];
    default:
      return [token.content];
  }
}

/** The box of a task, if this is the text of one. @param {Token} token @param {Node} parent */
function task(token, parent) {
  const item = parent instanceof HTMLParagraphElement ? parent.parentElement : parent;
  const first = token.children?.[0];
  const found = first?.type === "text" ? TASK.exec(first.content) : null;
  if (!first || !found || !(item instanceof HTMLLIElement) || item.textContent) return [];
  first.content = first.content.slice(found[0].length);
  item.classList.add("task");
  const isDone = found[1] !== " ";
  const attributes = { "aria-label": isDone ? "Done" : "To do", checked: isDone, disabled: true };
  return [el("input", { type: "checkbox", ...attributes }), " "];
}

/** Nothing is fetched from where an author says: the picture is a link. @param {Token} token */
function image(token) {
  const href = linkTo(String(token.attrGet("src")));
  return el("a", { href, title: href, ...OUTSIDE }, token.content || href);
}

/** @param {Token} token */
function codeBlock(token) {
  const code = token.content.replace(/\n$/u, "");
  const language = token.info.trim().split(/\s/u)[0].slice(0, 40);
  const copy = button("Copy", () => copyCode(code), { class: "button small copy" });
  copy.tabIndex = -1; // Tab reaches it in the row that has the focus: see actions.js.
  const bar = el("div", { class: "code-bar" }, el("bdi", {}, language), copy);
  return el("div", { class: "code-block", dir: "ltr" }, bar, el("pre", {}, el("code", {}, code)));
}

/** @param {string} code */
async function copyCode(code) {
  try {
    await navigator.clipboard.writeText(code);
    toast("The code is copied.");
  } catch {
    complain("The browser does not let this page copy: select the text and copy it.");
  }
}

/** @param {string} text @returns {(Node | string)[]} */
const linked = (text) =>
  linkify(text).map(({ text: piece, href }) =>
    href === null ? piece : el("a", { href, ...OUTSIDE }, piece),
  );
