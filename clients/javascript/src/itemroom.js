/**
 * A room of Itemroom for browsers and Node: every entry once and in order, across reconnects, and
 * commands that are repeated under one ref until they are stored or refused.
 *
 * `docs/protocol.md` is the contract that this file keeps; section names below are its.
 */
export { textOf } from "./core/bodies.js";
export { Refused } from "./core/errors.js";
export { Room } from "./room.js";
export { Stream } from "./stream.js";
export { Conversation } from "./conversation.js";
export { share } from "./sharing.js";
export { Session } from "./session.js";
export { Inbox } from "./inbox.js";
