// What a room takes, and what its events carry.
/** @import { Refused } from "./core/errors.js" */
/** @import { Entry, Gap } from "./core/entries.js" */
/** @import { Append, Expiring, Live, Open, PresenceChange, Read, RoleChange, Signal, Welcome } from "./core/frames.js" */

/** @typedef {"connecting" | "resuming" | "live" | "waiting" | "refused" | "closed"} State */

/**
 * What the events of a room carry as `detail`.
 *
 * @typedef {object} RoomEvents
 * @property {{state: State, reason: string | null, retryAt: number | null}} state
 * @property {Welcome} welcome
 * @property {Entry} entry
 * @property {Open} open A message in the making as it stands: it takes the place of what you have.
 * @property {Append} append More text of one.
 * @property {Live} live
 * @property {Signal} signal
 * @property {Read} read
 * @property {PresenceChange} presence
 * @property {RoleChange} role
 * @property {Gap} gap
 * @property {Expiring} expiring
 * @property {Refused} refused
 * @property {Refused} error Of something that has no answer: a signal, a read marker, a token.
 */

/**
 * @typedef {string | {token: string, ticket?: never} | {ticket: string, token?: never}} Credential
 * @typedef {new (url: string, protocols: string[]) => any} WebSocketClass
 * @typedef {"auto" | "websocket" | "events"} Transport
 */

/**
 * @typedef {((event: Event) => void) | {handleEvent(event: Event): void} | null} Listener
 * @typedef {boolean | {capture?: boolean, once?: boolean, passive?: boolean, signal?: AbortSignal}}
 *   ListenerOptions
 */

/**
 * At most one credential; without one the session cookie counts.
 *
 * @typedef {{token?: string, ticket?: never, getToken?: never}} ByToken An access or API token.
 * @typedef {{ticket?: string, token?: never, getToken?: never}} ByTicket Good for one connection, so
 *   not for coming back.
 * @typedef {{getToken?: () => Credential | Promise<Credential>, token?: never, ticket?: never}}
 *   ByGetToken Asked for every connection, and for another token before one ends. A `Refused` that
 *   it throws is final; after any other error it is asked again.
 */

/**
 * @typedef {object} RoomSettings
 * @property {string} item The item's id.
 * @property {WebSocketClass} [WebSocket] Default: `globalThis.WebSocket`.
 * @property {Transport} [transport] `auto`: by a WebSocket, and where none gets through although HTTP
 *   does, by server-sent events and requests. Default.
 * @property {number} [after] Begin after this seq; without it with the newest `tail` entries.
 * @property {string} [epoch] The epoch that `after` is from.
 * @property {number} [tail] Default: the server's, 50.
 * @property {number} [outbox] Commands that may wait for their answer. Default 1000.
 * @property {number} [buffer] Entries that may wait for the iterator. Default 10 000; 0: nobody
 *   iterates, and none are kept.
 *
 * @typedef {RoomSettings & (ByToken | ByTicket | ByGetToken)} RoomOptions
 */
