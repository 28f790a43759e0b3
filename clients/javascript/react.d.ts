import type { Room, ShareOptions, View } from "@itemroom/client";
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
/**
 * An item's room. All components with the same `item`, `url`, `token` and `user` have one socket
 * together; it is closed when the last of them is unmounted.
 *
 * @param {string} item
 * @param {ShareOptions} [options] `getToken` may be another function in each render.
 * @returns {UsedRoom}
 *
 * @example
 * const { entries, publish } = useRoom("order-17", { token });
 */
export declare function useRoom(item: string, options?: ShareOptions): UsedRoom;
