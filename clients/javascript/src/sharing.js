// One socket for all parts of a page that show the same room.
import { Conversation } from "./conversation.js";
/** @import { ByGetToken, ByTicket, ByToken, RoomSettings } from "./options.js" */
/** @import { Session } from "./session.js" */

/** Milliseconds in which what was published is still sent when nobody looks on any more. */
const FAREWELL = 60_000;

/**
 * @typedef {object} ShareSettings
 * @property {string | URL} [url] The server. Default: that of the page.
 * @property {Session} [session] Its socket is taken, and its server and credential count.
 * @property {string} [user] Whose room it is, where `getToken` or the cookie does not tell: another
 *   user has another socket.
 *
 * @typedef {Omit<RoomSettings, "item" | "buffer"> & ShareSettings & (ByToken | ByTicket | ByGetToken)}
 *   ShareOptions
 */

/** @type {Map<string, {conversation: Conversation, users: number}>} */
const shared = new Map();
/** @type {WeakMap<Session, number>} A number for each, to tell them apart. */
const sessions = new WeakMap();
let newest = 0;

/** @param {Session | undefined} session */
function numberOf(session) {
  if (!session) return 0;
  if (!sessions.has(session)) sessions.set(session, ++newest);
  return Number(sessions.get(session));
}

/**
 * The conversation of an item; one for all who ask with the same `url`, `token` and `user`, or with
 * the same session.
 *
 * @param {string} item
 * @param {ShareOptions} [options] Those of a room; they count for who comes first.
 * @returns {{conversation: Conversation, leave: () => void}} The last who leaves closes it, when
 *   what was published has its answer, or after a minute.
 */
export function share(item, { url = "/", user, session, ...options } = {}) {
  const server = session ? "" : new URL(url, globalThis.location?.href).href;
  const by = session ? numberOf(session) : [server, options.token, user, !options.getToken];
  const key = JSON.stringify([item, by]);
  let one = shared.get(key);
  // One that was refused stays so; who comes now may be let in.
  if (!one || one.conversation.view.status === "refused") {
    one = { conversation: new Conversation(session ?? server, { ...options, item }), users: 0 };
    shared.set(key, one);
  }
  one.users += 1;
  return { conversation: one.conversation, leave: once(() => left(key, one)) };
}

/**
 * Whoever leaves may be back at once: React's StrictMode mounts twice, and an element that is moved
 * within its page is taken out of it first.
 *
 * @param {string} key
 * @param {{conversation: Conversation, users: number}} one
 */
function left(key, one) {
  const { conversation } = one;
  one.users -= 1;
  const deadline = Date.now() + FAREWELL;
  const look = () => {
    if (one.users > 0) return;
    if (conversation.isWaiting && Date.now() < deadline) return void setTimeout(look, 250);
    if (shared.get(key) === one) shared.delete(key);
    conversation.close();
  };
  setTimeout(look, 0);
}

/** @param {() => void} act */
function once(act) {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
