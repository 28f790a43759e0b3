/**
 * `<itemroom-room item="order-17">`: an item's room on any page.
 *
 * It makes no markup of text and has no styles in attributes, so it works under the strictest
 * Content-Security-Policy and with Trusted Types.
 */
import type { Credential, View } from "./itemroom.js";
export type Words = typeof WORDS;
/** @typedef {typeof WORDS} Words */
declare const WORDS: {
    room: string;
    messages: string;
    people: string;
    message: string;
    send: string;
    retry: string;
    discard: string;
    notSent: string;
    deleted: string;
    writing: string;
    stopping: string;
    stop: string;
    /** @type {Record<string, string>} How a text that grew ended, where there is something to say. */
    ended: Record<string, string>;
    readOnly: string;
    /** @type {Record<string, string>} By status. */
    status: Record<string, string>;
};
export type ViewEntry = View["entries"][number];
/** Where there are no elements, as on a server, the module can be imported all the same. */
declare const Base: typeof HTMLElement;
/**
 * An item's room: its messages, who is here, a box to write in, and how the connection is.
 *
 * Attributes: `item`, `url` (default: the page's own server), `token`, `user`, `tail`.
 */
export declare class ItemroomRoom extends Base {
    #private;
    static observedAttributes: string[];
    /** What it says; for another language put other words here before the first element is made. */
    static words: {
        room: string;
        messages: string;
        people: string;
        message: string;
        send: string;
        retry: string;
        discard: string;
        notSent: string;
        deleted: string;
        writing: string;
        stopping: string;
        stop: string;
        /** @type {Record<string, string>} How a text that grew ended, where there is something to say. */
        ended: Record<string, string>;
        readOnly: string;
        /** @type {Record<string, string>} By status. */
        status: Record<string, string>;
    };
    /** As a room's; of those that are set one after the other, the newest is asked. */
    get getToken(): (() => Credential | Promise<Credential>) | undefined;
    set getToken(getToken: (() => Credential | Promise<Credential>) | undefined);
    /** The room that it shows; null while it is on no page. */
    get room(): import("./itemroom.js").Room | null;
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** @param {string} _name @param {string | null} before @param {string | null} now */
    attributeChangedCallback(_name: string, before: string | null, now: string | null): void;
}
export {};
