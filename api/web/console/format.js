/** How times, names and refusals are put into words. Pure. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const SHORT = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_MS = 86_400_000;
const HUES = 10;

/** @param {string} at */
export const clock = (at) => CLOCK.format(new Date(at));
/** @param {string} at */
export const fullTime = (at) => FULL.format(new Date(at));

/**
 * The local day of a time, as something to compare.
 *
 * @param {string} at
 */
export function dayKey(at) {
  const time = new Date(at);
  return `${time.getFullYear()}-${time.getMonth() + 1}-${time.getDate()}`;
}

/**
 * @param {string} at
 * @param {number} [now]
 */
export function dayName(at, now = Date.now()) {
  if (dayKey(at) === dayKey(new Date(now).toISOString())) return "Today";
  if (dayKey(at) === dayKey(new Date(now - DAY_MS).toISOString())) return "Yesterday";
  const time = new Date(at);
  return time.getFullYear() === new Date(now).getFullYear() ? DAY.format(time) : DATE.format(time);
}

/**
 * Short, for a list: "now", "5 min", "14:02", "3 Mar".
 *
 * @param {string} at
 * @param {number} [now]
 */
export function ago(at, now = Date.now()) {
  const minutes = Math.floor((now - Date.parse(at)) / 60_000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  if (dayKey(at) === dayKey(new Date(now).toISOString())) return clock(at);
  return SHORT.format(new Date(at));
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/**
 * "Ada", "Ada and Bob", "Ada, Bob and 3 others".
 *
 * @param {string[]} names
 * @param {number} [most]
 */
export function listed(names, most = 3) {
  if (names.length <= 1) return names.join("");
  const shown = names.length > most ? names.slice(0, most - 1) : names.slice(0, -1);
  const rest = names.length - shown.length;
  const last = rest === 1 ? names[names.length - 1] : counted(rest, "other");
  return `${shown.join(", ")} and ${last}`;
}

/**
 * One or two letters for a picture of somebody.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.trim().split(/\s+/u);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...word][0] ?? "").join("").toUpperCase();
}

/**
 * The same colour for the same user, everywhere.
 *
 * @param {string} id
 */
export function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return sum % HUES;
}

/** The more telling names first: most browsers say that they are several others as well. */
const BROWSERS = ["Edg", "OPR", "Firefox", "Chrome", "Safari"];
const SYSTEMS = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"];
const SPELLED = new Map([["Edg", "Edge"], ["OPR", "Opera"]]);

/**
 * "Firefox on Linux", as far as a browser says what it is; of a program its name.
 *
 * @param {string | null} agent
 */
export function device(agent) {
  const browser = BROWSERS.find((name) => agent?.includes(`${name}/`));
  const system = SYSTEMS.find((name) => agent?.includes(name));
  if (!browser) return agent?.split(/[\s/]/u)[0].slice(0, 40) || "Unknown";
  const name = SPELLED.get(browser) ?? browser;
  return system ? `${name} on ${system}` : name;
}

/** @type {Record<string, string>} Beside the server's own words: what it means to the reader. */
const REASONS = {
  offline: "The server cannot be reached.",
  auth_missing: "You are signed out.",
  auth_invalid: "You are signed out.",
  auth_ambiguous: "More than one credential was sent.",
  auth_expired: "Your session has expired.",
  auth_revoked: "Your session was ended.",
  ticket_used: "The ticket was used, or is too old.",
  removed: "You were removed from this item.",
  item_not_found: "There is no such item, or it is not yours.",
  item_deleted: "This item was deleted.",
  origin_denied:
    "The server takes this page for another site's: its ITEMROOM_PUBLIC_URL has to be this address.",
  forbidden: "Your role does not allow this.",
  rate_limited: "Too much in too short a time.",
  too_many_connections: "You have too many connections open.",
  too_many_errors: "Too many refused commands.",
  too_big: "This is too long.",
  bad_message: "This cannot be sent.",
  not_found: "It is no longer there.",
  outbox_full: "Too many messages are waiting to be sent.",
  restart: "The server restarts.",
  draining: "The server restarts.",
  slow_consumer: "The connection was too slow.",
  overloaded: "The server is busy.",
  busy: "The server is busy.",
  database_unavailable: "The server's database does not answer.",
  storage_full: "The server's disk is full.",
  storage_error: "The server could not store this.",
  internal: "The server failed.",
  closed: "The room was closed before this was sent.",
};

/**
 * A refusal in plain words.
 *
 * @param {string | null | undefined} code
 * @param {string} [otherwise]
 */
export const reasonFor = (code, otherwise = "The connection was lost.") =>
  (code && REASONS[code]) || otherwise;

/**
 * What to show of a message's body, which may be any JSON.
 *
 * @param {unknown} body
 * @returns {{text: string, isCode: boolean}}
 */
export function shown(body) {
  if (typeof body === "string") return { text: body, isCode: false };
  const text = textOf(body);
  if (text !== null) return { text, isCode: false };
  return { text: JSON.stringify(body, null, 2) ?? "null", isCode: true };
}

/**
 * The text that people read and edit, by the convention of docs/protocol.md, "Bodies"; null when
 * the body is something else.
 *
 * @param {unknown} body
 */
export function textOf(body) {
  if (typeof body === "string") return body;
  if (body === null || typeof body !== "object" || Array.isArray(body)) return null;
  const text = /** @type {{text?: unknown}} */ (body).text;
  return typeof text === "string" ? text : null;
}

/**
 * The body with another text, in the form that it had, and with what stands beside the text.
 *
 * @param {unknown} body
 * @param {string} text
 */
export const withText = (body, text) =>
  typeof body === "string" ? text : { .../** @type {object} */ (body), text };
