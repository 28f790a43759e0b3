/** The REST calls that the console makes. Each throws a Problem when the server says no. */

import { NOWHERE, SERVER, lastSegment, segment } from "./paths.js";

/** @typedef {{id: string, name: string}} User */
/** @typedef {"reader" | "writer" | "admin"} Role */
/**
 * @typedef {{id: string, title: string, role: Role, default_role: Role | null, epoch: string,
 *   head: number, oldest: number, read_seq: number, unread: number, active_at: string}} Item
 */
/**
 * @typedef {{id: string, title: string, role: Role, head: number, unread: number,
 *   mentions: number, active_at: string}} ListedItem
 */
/** @typedef {{user: User, username: string, role: Role}} Member */
/** @typedef {User & {username: string, admin?: boolean, credential: {kind: string}}} Me */
/** @typedef {{id: string, name: string, items: Record<string, Role>, expires_at: string}} Token */

const PATIENCE_MS = 20_000; // For one call: a server that is silent for so long cannot be reached.

/** A refusal: branch on `code`, show `message`. */
export class Problem extends Error {
  /**
   * @param {number} status 0: the server was not reached.
   * @param {{code?: string, detail?: string, retry_after?: number,
   *   errors?: {loc: string[], problem: string}[]}} problem
   */
  constructor(status, problem) {
    super(problem.detail || "The server failed.");
    this.status = status;
    this.code = problem.code || "internal";
    /** Which fields it is about, and what is wrong with them. */
    this.errors = problem.errors ?? [];
    /** Seconds, if the server said when to come back. @type {number | undefined} */
    this.retryAfter = problem.retry_after;
  }
}

/** Called when the session has ended: everything else waits until somebody signs in again. */
export const session = { onEnd: () => {} };

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
async function call(method, path, body) {
  if (path.includes(NOWHERE)) {
    const code = path.startsWith(`/items/${NOWHERE}`) ? "item_not_found" : "not_found";
    throw new Problem(404, { code, detail: "Nothing can have this name." });
  }
  const response = await ask(method, path, body);
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = new Problem(response.status, await response.json().catch(() => ({})));
  if (response.status === 401 && !path.startsWith("/auth/")) session.onEnd();
  throw problem;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 */
async function ask(method, path, body) {
  const sent = body === undefined
    ? {}
    : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    return await fetch(SERVER + path, { method, credentials: "same-origin", signal, ...sent });
  } catch {
    throw new Problem(0, { code: "offline", detail: "The server cannot be reached." });
  }
}

/** @param {string} id */
const itemPath = (id) => `/items/${segment(id)}`;
/** @param {Record<string, string | number | null | undefined>} values */
const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
};

/** @typedef {{me: Me | null, registration: "open" | "closed", first: boolean}} Visitor */
/** @returns {Promise<Visitor>} */
export const visitor = () => call("GET", "/auth/visitor");
/** @returns {Promise<Me>} */
export const me = () => call("GET", "/auth/me");
/** @param {string} username @param {string} password @returns {Promise<Me>} */
export const login = (username, password) => call("POST", "/auth/login", { username, password });
/** @param {{username: string, password: string, display_name?: string}} wish */
export const register = (wish) => call("POST", "/auth/register", wish);
/** Throws when the session may be in use still. */
/** @param {string} name @returns {Promise<User>} */
export const rename = (name) => call("PATCH", "/auth/me", { display_name: name });
/** @param {string} current @param {string} wanted */
export const changePassword = (current, wanted) =>
  call("POST", "/auth/password", { current_password: current, new_password: wanted });
/**
 * @typedef {{id: string, created_at: string, used_at: string, user_agent: string | null,
 *   current: boolean}} Session
 */
/** @returns {Promise<{sessions: Session[]}>} */
export const sessions = () => call("GET", "/auth/sessions");
/** @param {string} id */
export const endSession = (id) => call("DELETE", `/auth/sessions/${segment(id)}`);
export const endOtherSessions = () => call("DELETE", "/auth/sessions");
export const logout = async () => {
  const gone = (/** @type {unknown} */ error) => {
    // It had ended already: that is what was asked for.
    if (!(error instanceof Problem && [401, 404].includes(error.status))) throw error;
  };
  await call("POST", "/auth/logout").catch(gone);
};

/**
 * @param {string | null} after
 * @param {number} [limit]
 * @returns {Promise<{items: ListedItem[], next: string | null}>}
 */
export async function items(after, limit = 50) {
  const { items, next } = await call("GET", `/inbox?${query({ limit, after })}`);
  const listed = items.map((/** @type {any} */ { item, ...rest }) => ({ ...item, ...rest }));
  return { items: listed, next };
}
/** @param {string} id @returns {Promise<Item>} */
export const item = (id) => call("GET", itemPath(id));
/** @param {{id?: string, title?: string, default_role?: Role | null}} wish */
export const createItem = (wish) => /** @type {Promise<Item>} */ (call("POST", "/items", wish));
/** @param {string} id @param {{title?: string, default_role?: Role | null}} change */
export const changeItem = (id, change) => call("PATCH", itemPath(id), change);
/** @param {string} id */
export const deleteItem = (id) => call("DELETE", itemPath(id));

/** @param {string} id @param {string} [after] */
export const members = (id, after) =>
  /** @type {Promise<{members: Member[], next: string | null}>} */ (
    call("GET", `${itemPath(id)}/members?${query({ limit: 500, after })}`)
  );
/** @param {string} id @param {string} username @param {Role} role */
export const setMember = (id, username, role) =>
  call("PUT", `${itemPath(id)}/members/${lastSegment(username)}`, { role });
/** @param {string} id @param {string} username */
export const removeMember = (id, username) =>
  call("DELETE", `${itemPath(id)}/members/${lastSegment(username)}`);

/**
 * @typedef {{id: string, role: Role, uses: number | null, left: number | null, by: User,
 *   valid: boolean, expires_at: string}} Invite
 */
/** @param {string} id @param {{role: Role, uses: number | null, expires_in: number}} wish */
export const createInvite = (id, wish) =>
  /** @type {Promise<Invite & {url: string}>} */ (call("POST", `${itemPath(id)}/invites`, wish));
/** @param {string} id @returns {Promise<{invites: Invite[]}>} */
export const invites = (id) => call("GET", `${itemPath(id)}/invites`);
/** @param {string} id @param {string} invite */
export const revokeInvite = (id, invite) =>
  call("DELETE", `${itemPath(id)}/invites/${segment(invite)}`);
/**
 * @typedef {{item: {id: string, title: string}, role: Role, by: User,
 *   member_role: Role | null}} Look
 */
/** @param {string} token @returns {Promise<Look>} */
export const lookAtInvite = (token) => call("POST", "/invites/look", { token });
/** @param {string} token */
export const acceptInvite = (token) => call("POST", "/invites/accept", { token });

/** @param {string} id @param {{before?: number, after?: number, limit: number}} place */
export const messages = (id, place) => call("GET", `${itemPath(id)}/messages?${query(place)}`);
/** @param {string} id @param {number} after @param {number} limit */
export const log = (id, after, limit) =>
  call("GET", `${itemPath(id)}/log?${query({ after, limit })}`);

/** @returns {Promise<{tokens: Token[]}>} */
export const tokens = () => call("GET", "/tokens");
/** @param {{name: string, items: Record<string, Role>, expires_in: number}} wish */
export const createToken = (wish) =>
  /** @type {Promise<Token & {token: string}>} */ (call("POST", "/tokens", wish));
/** @param {string} id */
export const revokeToken = (id) => call("DELETE", `/tokens/${segment(id)}`);
/** @param {string} id @returns {Promise<{ticket: string, expires_in: number}>} */
export const ticket = (id) => call("POST", `${itemPath(id)}/tickets`);

/**
 * @typedef {{id: string, url: string, items: string, kinds: string[] | null, key: string | null,
 *   state: "active" | "paused", reason: string | null,
 *   last_failure: {at: string, item: string, reason: string} | null}} Webhook
 */
/** @param {string} id @param {{state: "active" | "paused", skip?: "failed" | "all"}} change */
export const switchWebhook = (id, change) =>
  /** @type {Promise<Webhook>} */ (call("PATCH", `/status/webhooks/${segment(id)}`, change));
/** @param {string} id */
export const tryWebhook = (id) =>
  /** @type {Promise<{reason: string | null}>} */ (
    call("POST", `/status/webhooks/${segment(id)}/test`)
  );
