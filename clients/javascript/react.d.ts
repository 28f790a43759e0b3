import type { ReactNode } from "react";
import type { InboxItem, Refused, Room, Session, ShareOptions, View } from "@itemroom/client";
export type Actions = {
    /**
     * Shows it at once, and
     * gives its ref. When it is refused, its entry stays, with the `error`.
     */
    publish: (body: unknown, options?: {
        ref?: string;
    }) => string;
    /**
     * Publishes one that failed once more.
     */
    retry: (ref: string) => void;
    /**
     * Forgets one that failed.
     */
    discard: (ref: string) => void;
    /**
     * For all else; null in the first render, and on a server.
     */
    room: Room | null;
};
export type UsedRoom = View & Actions;
export type UsedInbox = {
    /**
     * Newest activity first.
     */
    items: InboxItem[];
    /**
     * In all of them.
     */
    unread: number;
    mentions: number;
    /**
     * Whether all is there.
     */
    isReady: boolean;
    /**
     * Why there will be no more.
     */
    error: Refused | null;
};
/**
 * The session of all hooks below that name neither a server nor a credential.
 *
 * @param {{session: Session, children?: ReactNode}} props
 */
export declare function SessionProvider({ session, children }: {
    session: Session;
    children?: ReactNode;
}): import("react").FunctionComponentElement<import("react").ProviderProps<Session | null>>;
/**
 * What is new in all items of a session's user; watched until the session is closed.
 *
 * @param {Session} [session] Default: the provider's.
 * @returns {UsedInbox}
 */
export declare function useInbox(session?: Session): UsedInbox;
/**
 * An item's room. All components with the same `item`, `url`, `token` and `user` have one socket
 * together; it is closed when the last of them is unmounted. With a session it is the session's.
 *
 * @param {string} item
 * @param {ShareOptions} [options] `getToken` may be another function in each render.
 * @returns {UsedRoom}
 *
 * @example
 * const { entries, publish } = useRoom("order-17", { token });
 */
export declare function useRoom(item: string, options?: ShareOptions): UsedRoom;
