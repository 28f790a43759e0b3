/** Rooms of Itemroom for React. */
import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { share } from "@itemroom/client";
/** @import { ReactNode } from "react" */
/** @import { Conversation, InboxItem, Refused, Room, Session, ShareOptions, View } from "@itemroom/client" */

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

/**
 * What is new in all items.
 *
 * @typedef {object} UsedInbox
 * @property {InboxItem[]} items Newest activity first.
 * @property {number} unread In all of them.
 * @property {number} mentions
 * @property {boolean} isReady Whether all is there.
 * @property {Refused | null} error Why there will be no more.
 */

/** @type {UsedInbox} */
const EMPTY = { items: [], unread: 0, mentions: 0, isReady: false, error: null };

const Provided = createContext(/** @type {Session | null} */ (null));

/** @type {{place: string, session: Session | undefined, conversation: Conversation} | null} */
const NOWHERE = null;

/**
 * The session of all hooks below that name neither a server nor a credential.
 *
 * @param {{session: Session, children?: ReactNode}} props
 */
export function SessionProvider({ session, children }) {
  return createElement(Provided.Provider, { value: session }, children);
}

/**
 * What is new in all items of a session's user; watched until the session is closed.
 *
 * @param {Session} [session] Default: the provider's.
 * @returns {UsedInbox}
 */
export function useInbox(session) {
  const provided = useContext(Provided);
  const used = session ?? provided;
  if (!used) throw new Error("useInbox: give it a session, or put it below a SessionProvider.");
  const store = useMemo(() => inboxOf(used), [used]);
  return useSyncExternalStore(store.subscribe, store.view, () => EMPTY);
}

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
  const provided = useContext(Provided);
  const isOwn = [url, token, options.ticket, getToken, user].some((one) => one !== undefined);
  const session = options.session ?? (isOwn ? undefined : (provided ?? undefined));
  const place = JSON.stringify([item, url, token, user, !getToken]);
  const [joined, setJoined] = useState(NOWHERE);
  const newest = useRef(getToken);
  useEffect(() => {
    newest.current = getToken;
  });
  useEffect(() => {
    const asked = getToken && { getToken: () => (newest.current ?? getToken)() };
    const given = /** @type {ShareOptions} */ ({ ...options, ...asked, session });
    const { conversation, leave } = share(item, given);
    setJoined({ place, session, conversation });
    return leave;
  }, [place, session]); // They have all that makes it another room.
  // Until the effect has run, what is joined is the room of the render before.
  return joined?.place === place && joined.session === session ? joined.conversation : null;
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

/**
 * An inbox as React wants it: what is shown stays the same object until something changes.
 *
 * @param {Session} session
 */
function inboxOf(session) {
  let view = EMPTY;
  return {
    view: () => view,
    /** @param {() => void} onChange */
    subscribe(onChange) {
      const { inbox } = session; // Asked for here: what is rendered on a server opens no socket.
      const look = () => {
        const items = [...inbox.items.values()].sort((a, b) => (a.active_at < b.active_at ? 1 : -1));
        view = { items, ...inbox.totals, isReady: inbox.isReady, error: inbox.error };
        onChange();
      };
      const types = /** @type {const} */ (["item", "ready", "refused"]);
      for (const type of types) inbox.addEventListener(type, look);
      look();
      return () => {
        for (const type of types) inbox.removeEventListener(type, look);
      };
    },
  };
}
