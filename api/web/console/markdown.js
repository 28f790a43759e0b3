/** Text of messages as Markdown, in blocks of tokens. Pure: it makes no markup, nor elements. */

import { addressAt, linkTo } from "./linkify.js";
import MarkdownIt from "./vendor/markdown-it.js";

/**
 * @typedef {{type: string, tag: string, nesting: number, content: string, info: string,
 *   markup: string, hidden: boolean, map: [number, number] | null, children: Token[] | null,
 *   attrGet: (name: string) => string | null}} Token Of the parser, as far as it is used here.
 */
/** @typedef {{tokens: Token[], from: number}} Block `from`: where it begins in the text. */

// Beyond these a text, or the block that is too much, is shown as it was written: whatever is
// sent, it is read in a moment, and what is drawn is no deeper than a browser can lay out.
const MOST_TEXT = 400_000; // Characters: above what one message may grow to by default.
const MOST_LINES = 10_000;
const MOST_TOKENS = 20_000; // An empty row of a table takes two letters, and gives many cells.
const MOST_BLOCK = 20_000; // Characters, but of code: emphasis takes longer than its text is long.
const DEEPEST = 24; // Quotes and lists in each other, and once more what is in a paragraph.

class TooMuch extends Error {}

const Parser = /** @type {new (options: object) => any} */ (/** @type {unknown} */ (MarkdownIt));
const markdown = new Parser({ html: false, breaks: true, maxNesting: DEEPEST + 8 });
// Without references no block depends on another, so that of a text that grows only the last is
// read again.
markdown.block.ruler.disable(["reference", "html_block"]);
markdown.inline.ruler.disable("html_inline");
markdown.inline.ruler.at("linkify", bareAddress);
markdown.validateLink = (/** @type {string} */ address) => linkTo(address) !== null;
markdown.normalizeLink = (/** @type {string} */ address) => address;
markdown.normalizeLinkText = (/** @type {string} */ address) => address;
markdown.block.State = class extends markdown.block.State {
  /** @param {string} type @param {string} tag @param {-1 | 0 | 1} nesting */
  push(type, tag, nesting) {
    if (this.level > DEEPEST || this.tokens.length >= MOST_TOKENS) throw new TooMuch();
    return super.push(type, tag, nesting);
  }
};

/**
 * A text with the line ends that a block's place is counted by.
 *
 * @param {string} text
 */
export const evened = (text) => text.replace(/\r\n?/gu, "\n");

/**
 * The blocks of a text, one after the other; null: it is too much to be read as Markdown.
 *
 * @param {string} text
 * @returns {Block[] | null}
 */
export function blocksOf(text) {
  if (text.length > MOST_TEXT || lineStart(text, MOST_LINES) > 0) return null;
  /** @type {Token[]} */
  const tokens = [];
  try {
    markdown.block.parse(text, markdown, {}, tokens);
    return split(tokens, text).map((block, index, blocks) => {
      const end = blocks[index + 1]?.from ?? text.length;
      return filled(block, text.slice(block.from, end));
    });
  } catch {
    return null; // TooMuch, or a fault of the parser's: neither may take the room along.
  }
}

/**
 * What a text says without its marks, as it is read on the screen.
 *
 * @param {string} source
 */
export function wordsIn(source) {
  const text = evened(source);
  const blocks = blocksOf(text);
  if (blocks === null) return text;
  const said = (/** @type {Token} */ { type, content, children }) =>
    type === "inline" ? (children ?? []).map(spoken).join("") : content;
  return blocks.map(({ tokens }) => tokens.map(said).filter(Boolean).join("\n")).join("\n");
}

/** @param {Token} token */
const spoken = ({ type, content }) => (type.endsWith("break") ? "\n" : content);

/** @param {Block} block @param {string} source @returns {Block} */
function filled({ tokens, from }, source) {
  const isCode = tokens.length === 1;
  if (source.length > MOST_BLOCK && !isCode) return { tokens: plain(source.trim()), from };
  for (const token of tokens) if (token.type === "inline") token.children = inside(token.content);
  return { tokens, from };
}

/** What is in a paragraph, a heading or a cell. @param {string} text */
function inside(text) {
  /** @type {Token[]} */
  const tokens = [];
  markdown.inline.parse(text, markdown, {}, tokens);
  let depth = 0;
  for (const { nesting } of tokens) {
    depth += nesting;
    if (depth > DEEPEST) return plain(text);
  }
  return tokens;
}

/** Text that is nothing but text. @param {string} content @returns {Token[]} */
function plain(content) {
  /** @type {Token[]} */
  const tokens = [];
  new markdown.inline.State("", markdown, {}, tokens).push("text", "", 0).content = content;
  return tokens;
}

/** @param {Token[]} tokens @param {string} text */
function split(tokens, text) {
  /** @type {Block[]} */
  const blocks = [];
  let depth = 0;
  let line = 0;
  let from = 0;
  for (const token of tokens) {
    if (depth === 0) {
      const first = token.map?.[0] ?? line;
      from = lineStart(text, first - line, from);
      line = first;
      blocks.push({ tokens: [], from });
    }
    blocks[blocks.length - 1].tokens.push(token);
    depth += token.nesting;
  }
  return blocks;
}

/**
 * Where a line begins, counted from one that begins at `from`; 0: there are not so many.
 *
 * @param {string} text
 * @param {number} line
 */
function lineStart(text, line, from = 0) {
  let at = from;
  for (let count = 0; count < line; count += 1) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) break;
  }
  return at;
}

/**
 * An address in the middle of a text, by the rules that all texts have for it. It is found at its
 * colon, since the parser stops at no letter.
 *
 * @param {any} state Of the parser's inline rules.
 * @param {boolean} silent
 */
function bareAddress(state, silent) {
  const { src, pos } = state;
  if (silent || state.linkLevel > 0 || !src.startsWith("://", pos)) return false;
  const scheme = /https?$/iu.exec(state.pending)?.[0] ?? "";
  if (!scheme || /[\w]$/u.test(state.pending.slice(0, -scheme.length))) return false;
  const found = addressAt(src, pos - scheme.length);
  if (!found) return false;
  state.pending = state.pending.slice(0, -scheme.length);
  const open = state.push("link_open", "a", 1);
  open.attrs = [["href", found.href]];
  open.markup = "linkify";
  state.push("text", "", 0).content = found.text;
  state.push("link_close", "a", -1);
  state.pos += found.text.length - scheme.length;
  return true;
}
