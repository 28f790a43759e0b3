/** Ways in for programs: API tokens, tickets, and snippets that use them. */

import * as api from "./api.js";
import { copyButton } from "./copying.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { CODE_INPUT, button, el, field, fill, select } from "./dom.js";
import { form } from "./form.js";
import { fullTime } from "./format.js";
import { complain } from "./notices.js";
import { SERVER } from "./paths.js";
import { ticketSnippets, tokenSnippets } from "./snippets.js";

/** @typedef {import("./snippets.js").Snippet} Snippet */
/** @typedef {import("./api.js").Role} Role */

const DAY = 86_400;
/** @type {[string, string][]} */
const LIFETIMES = [
  [String(DAY), "1 day"],
  [String(30 * DAY), "30 days"],
  [String(90 * DAY), "90 days"],
  [String(365 * DAY), "1 year"],
];
/** @type {[Role, string][]} */
const POWERS = [
  ["reader", "Read"],
  ["writer", "Read and write"],
  ["admin", "Everything, members too"],
];

/** @param {string} item @param {string} role The reader's own: a token can do no more. */
export function openAccess(item, role) {
  const result = el("div", { class: "result" });
  const list = el("ul", { class: "tokens", role: "list", "aria-label": "API tokens" });
  const show = () => showTokens(item, list);
  const content = [
    tokenForm(item, role, result, show),
    el("hr"),
    ticketPart(item, result),
    result,
    el("h3", {}, "API tokens that reach this item"),
    list,
  ];
  openDialog("API access", content, { isWide: true });
  show().catch(complain);
}

/**
 * @param {string} item
 * @param {string} role
 * @param {HTMLElement} result
 * @param {() => Promise<void>} show
 */
function tokenForm(item, role, result, show) {
  const most = POWERS.findIndex(([power]) => power === role);
  const name = el("input", { name: "name", required: true, maxlength: 64, autocomplete: "off" });
  name.value = `console, ${item}`.slice(0, 64);
  const power = select(POWERS.slice(0, most + 1), role === "reader" ? "reader" : "writer");
  const lifetime = select(LIFETIMES, String(90 * DAY));
  const send = async () => {
    const may = /** @type {Role} */ (power.value);
    const items = { [item]: may };
    const wish = { name: name.value.trim(), items, expires_in: Number(lifetime.value) };
    const { token } = await api.createToken(wish);
    const place = { server: SERVER, item, token, canWrite: may !== "reader" };
    showResult(result, "Token", token, "Copy it now: it is not shown again.", tokenSnippets(place));
    await show();
  };
  const content = [field("Name", name), field("It may", power), field("Ends after", lifetime)];
  return form(content, "Make token", send, { class: "inline" });
}

/** @param {string} item @param {HTMLElement} result */
function ticketPart(item, result) {
  const make = async () => {
    const { ticket, expires_in: seconds } = await api.ticket(item);
    const hint = `Opens one socket of this item, within ${seconds} seconds.`;
    const place = { server: SERVER, item, ticket };
    showResult(result, "Ticket", ticket, hint, ticketSnippets(place));
  };
  const text = "Or a ticket, with which somebody's browser can join once, as you:";
  const action = button("Make ticket", () => make().catch(complain), { class: "button" });
  return el("p", { class: "ticket" }, text, " ", action);
}

/**
 * @param {HTMLElement} place
 * @param {string} label
 * @param {string} secret
 * @param {string} hint
 * @param {Snippet[]} snippets
 */
function showResult(place, label, secret, hint, snippets) {
  const box = el("input", { ...CODE_INPUT, readonly: true, class: "secret" });
  box.value = secret;
  box.addEventListener("focus", () => box.select());
  const copy = copyButton(`Copy ${label.toLowerCase()}`, () => secret);
  fill(
    place,
    el("div", { class: "secret-row" }, field(label, box, hint), copy),
    snippetTabs(snippets),
  );
  box.focus();
  place.scrollIntoView({ block: "nearest" });
}

/** @param {Snippet[]} snippets */
function snippetTabs(snippets) {
  const run = el("span", { class: "hint" });
  const pre = el("pre", { class: "code", tabindex: 0, role: "region", "aria-label": "Snippet" });
  let shown = snippets[0];
  const tabs = snippets.map((snippet) =>
    button(snippet.label, () => choose(snippet), { class: "tab" }),
  );
  const choose = (/** @type {Snippet} */ snippet) => {
    shown = snippet;
    run.textContent = snippet.run;
    pre.dataset.language = snippet.id;
    fill(pre, el("code", {}, snippet.code));
    tabs.forEach((tab, index) => mark(tab, snippets[index] === snippet));
  };
  tabs.forEach((tab, index) => {
    tab.setAttribute("role", "tab");
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = (index + step + tabs.length) % tabs.length;
      choose(snippets[next]);
      tabs[next].focus();
    });
  });
  choose(shown);
  const list = el("div", { role: "tablist", "aria-label": "Languages", class: "tabs" }, tabs);
  const copy = copyButton("Copy snippet", () => shown.code);
  const foot = el("div", { class: "snippet-foot" }, run, copy);
  return el("div", { class: "snippets" }, list, pre, foot);
}

/** @param {HTMLElement} tab @param {boolean} isChosen */
function mark(tab, isChosen) {
  tab.setAttribute("aria-selected", String(isChosen));
  tab.tabIndex = isChosen ? 0 : -1;
}

/** @param {string} item @param {HTMLElement} list */
async function showTokens(item, list) {
  const { tokens } = await api.tokens();
  const isAbout = (/** @type {string} */ pattern) => reaches(pattern, item);
  const reaching = tokens.filter(({ items }) => Object.keys(items).some(isAbout));
  const again = () => showTokens(item, list);
  const rows = reaching.map((token) => tokenRow(item, token, again));
  fill(list, rows.length > 0 ? rows : el("li", { class: "hint" }, "None yet."));
}

/**
 * @param {string} item
 * @param {import("./api.js").Token} token
 * @param {() => Promise<void>} again
 */
function tokenRow(item, token, again) {
  const { id, name, items, expires_at: end } = token;
  const revoke = async () => {
    await api.revokeToken(id);
    await again().catch(complain);
  };
  const ask = () =>
    confirmDialog(`Revoke ${name}?`, "Programs that use it are cut off at once.", "Revoke", revoke);
  return el(
    "li",
    {},
    el("bdi", { class: "who" }, name),
    powerOf(items, item),
    el("span", { class: "hint", title: fullTime(end) }, `ends ${end.slice(0, 10)}`),
    button(`Revoke ${name}`, ask, { icon: "trash", bare: true }),
  );
}

/** @param {string} pattern @param {string} item */
const reaches = (pattern, item) =>
  pattern.endsWith("*") ? item.startsWith(pattern.slice(0, -1)) : pattern === item;

/** @param {Record<string, Role>} items @param {string} item */
function powerOf(items, item) {
  const patterns = Object.keys(items).filter((one) => reaches(one, item));
  const best = patterns.sort((one, other) => other.length - one.length)[0];
  return el("span", { class: "role" }, items[item] ?? items[best]);
}
