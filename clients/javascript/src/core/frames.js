// What a server says.
/** @import { Entry, Role, User } from "./entries.js" */

/**
 * @typedef {"never" | "later" | "after_auth"} Retry
 */

/**
 * @typedef {object} Limits
 * @property {number} frame_bytes
 * @property {number} body_bytes
 * @property {number} nesting
 * @property {number} publish_rate
 * @property {number} publish_burst
 * @property {number} in_flight
 * @property {number} ping_interval
 * @property {number} ping_timeout
 */

/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {string} connection
 * @property {{id: string, title: string | null}} item
 * @property {User & {role: Role}} you
 * @property {string} epoch
 * @property {number} head
 * @property {number} oldest
 * @property {number} after
 * @property {boolean} recovered
 * @property {string | null} expires_at
 * @property {Limits} limits
 * @property {{count: number, users?: User[]}} presence
 */

/**
 * @typedef {object} PresenceChange
 * @property {"presence"} type
 * @property {number} count
 * @property {User[]} [users]
 * @property {User[]} [join]
 * @property {User[]} [leave]
 */

/**
 * What a server says, told apart by `type`: see "What the server says". New types may come.
 *
 * @typedef {{type: "live", seq: number}} Live
 * @typedef {{seq: number, by: User, at: string, kind: "message", preview: string}} LastMessage
 * @typedef {{item: {id: string, title: string}, role: Role | null, head: number, read_seq: number,
 *   unread: number, mentions: number, last: LastMessage | null, active_at: string}} InboxItem One of
 *   somebody's items as it is for them.
 * @typedef {{type: "ack", seq: number, at: string, ref?: string, duplicate?: true}} Ack
 * @typedef {{type: "error", code: string, message: string, ref?: string, retry_after?: number,
 *   target?: number, length?: number}} ErrorFrame
 * @typedef {{type: "appended", target: number, length: number, part?: number, stopped?: true,
 *   duplicate?: true}} Appended
 * @typedef {{type: "append", target: number, at: number, text: string, part?: number}} Append More text
 *   of a message; places are counted in code points.
 * @typedef {{type: "open", seq: number, at: string, by: User, body: any, length: number}} Open A message
 *   in the making as it stands now.
 * @typedef {{type: "signal", name: string, by: User, body: any}} Signal
 * @typedef {{type: "read", by: User, seq: number}} Read
 * @typedef {{type: "role", role: Role}} RoleChange
 * @typedef {{type: "expiring", in: number}} Expiring
 * @typedef {{type: "auth", expires_at: string | null}} Auth
 * @typedef {{type: "pong", head: number | null}} Pong
 * @typedef {{type: "closing", code: number, reason: string, retry: Retry, retry_after?: number,
 *   message?: string}} Closing
 * @typedef {Welcome | Entry | Live | Ack | ErrorFrame | Appended | Append | Open | Signal | Read
 *   | PresenceChange | RoleChange | Expiring | Auth | Pong | Closing} ServerFrame
 */

/**
 * What has to be a number. Throws a `TypeError`.
 *
 * @param {unknown} value
 */
export function number(value) {
  if (typeof value !== "number") throw new TypeError("not a number");
  return value;
}

/**
 * What has to be a text. Throws a `TypeError`.
 *
 * @param {unknown} value
 */
export function text(value) {
  if (typeof value !== "string") throw new TypeError("not a text");
  return value;
}
