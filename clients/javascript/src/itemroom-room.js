/**
 * `<itemroom-room item="order-17">`: an item's room on any page.
 *
 * It makes no markup of text and has no styles in attributes, so it works under the strictest
 * Content-Security-Policy and with Trusted Types.
 */
export { ItemroomRoom } from "./element/room.js";
