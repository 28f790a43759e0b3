/** Rooms of Itemroom for React. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { share } from "@itemroom/client";
/** @import { Conversation, Room, ShareOptions, View } from "@itemroom/client" */

/**
 * What a component shows of a room, and does there.
 *
 * @typedef {object} Actions
 * @property {(body: unknown, options?: {ref?: string}) => string} publish Shows it at once, and
 *   gives its ref. When it is refused, its entry stays, with the `error`.
 * @property {(ref: string) => void} retry Publishes one that failed once more.
 * @property {(ref: string) => void} discard Forgets one that failed.
 * @property {Room | null} room For all else; null in the first render, and on a server.
 *
 * @typedef {View & Actions} UsedRoom
 */

/** @type {View} What there is to see before there is a room. */
const NOTHING = {
  entries: [],
  presence: { count: 0, users: [] },
  status: "connecting",
  error: null,
  retryAt: null,
  you: null,
  title: null,
};

/** @type {{place: string, conversation: Conversation} | null} */
const NOWHERE = null;

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
export function useRoom(item, options = {}) {
  const conversation = useConversation(item, options);
  const subscribe = useCallback(
    (/** @type {() => void} */ onChange) => conversation?.subscribe(onChange) ?? (() => {}),
    [conversation],
  );
  const view = useSyncExternalStore(
    subscribe,
    () => conversation?.view ?? NOTHING,
    () => NOTHING,
  );
  const actions = useMemo(() => actionsOf(conversation), [conversation]);
  return { ...view, ...actions };
}

/**
 * @param {string} item
 * @param {ShareOptions} options
 */
function useConversation(item, options) {
  const { url, token, user, getToken } = options;
  const place = JSON.stringify([item, url, token, user, !getToken]);
  const [joined, setJoined] = useState(NOWHERE);
  const newest = useRef(getToken);
  useEffect(() => {
    newest.current = getToken;
  });
  useEffect(() => {
    const asked = getToken && { getToken: () => (newest.current ?? getToken)() };
    const { conversation, leave } = share(item, /** @type {ShareOptions} */ ({ ...options, ...asked }));
    setJoined({ place, conversation });
    return leave;
  }, [place]); // It has all that makes it another room.
  // Until the effect has run, what is joined is the room of the render before.
  return joined?.place === place ? joined.conversation : null;
}

/**
 * @param {Conversation | null} conversation
 * @returns {Actions}
 */
function actionsOf(conversation) {
  const there = () => {
    if (!conversation) throw new Error("useRoom: there is no room before the component is mounted.");
    return conversation;
  };
  return {
    publish: (body, options) => there().publish(body, options),
    retry: (ref) => there().retry(ref),
    discard: (ref) => there().discard(ref),
    room: conversation?.room ?? null,
  };
}
