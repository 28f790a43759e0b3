/**
 * A room of Itemroom for browsers and Node: every entry once and in order, across reconnects, and
 * commands that are repeated under one ref until they are stored or refused.
 *
 * `docs/protocol.md` is the contract that this file keeps; section names below are its.
 */
/**
 * What people read of a body: the body itself, or the `text` of an object; else its JSON.
 *
 * @param {unknown} body
 * @returns {string}
 */
export declare function textOf(body: unknown): string;
export type User = {
    id: string;
    name: string;
};
export type Role = "reader" | "writer" | "admin";
export type FinishState = "done" | "failed" | "stopped" | "interrupted";
export type Common = {
    seq: number;
    at: string;
    by: User;
    ref?: string;
    via?: string;
};
export type Message = Common & {
    type: "message";
    body?: any;
    edited_seq?: number;
    deleted_seq?: number;
    open?: true;
    length?: number;
};
export type Edit = Common & {
    type: "edit";
    target: number;
    body?: any;
    deleted_seq?: number;
};
export type Deletion = Common & {
    type: "delete";
    target: number;
};
export type Reaction = Common & {
    type: "reaction";
    target: number;
    value: string;
    on: boolean;
};
export type MemberChange = Common & {
    type: "member";
    user: User;
    role: Role | null;
};
export type ItemChange = Common & {
    type: "item";
    title?: string;
    default_role?: Role | null;
};
export type Stop = Common & {
    type: "stop";
    target: number;
};
export type Finish = Common & {
    type: "finish";
    target: number;
    state: FinishState;
    error?: any;
    body?: any;
};
export type Entry = Message | Edit | Deletion | Reaction | MemberChange | ItemChange | Stop | Finish;
export type Gap = {
    after: number;
    oldest: number;
    epoch: string;
};
export type Retry = "never" | "later" | "after_auth";
export type Limits = {
    frame_bytes: number;
    body_bytes: number;
    nesting: number;
    publish_rate: number;
    publish_burst: number;
    in_flight: number;
    ping_interval: number;
    ping_timeout: number;
};
export type Welcome = {
    type: "welcome";
    connection: string;
    item: {
        id: string;
        title: string | null;
    };
    you: User & {
        role: Role;
    };
    epoch: string;
    head: number;
    oldest: number;
    after: number;
    recovered: boolean;
    expires_at: string | null;
    limits: Limits;
    presence: {
        count: number;
        users?: User[];
    };
};
export type PresenceChange = {
    type: "presence";
    count: number;
    users?: User[];
    join?: User[];
    leave?: User[];
};
export type Live = {
    type: "live";
    seq: number;
};
export type LastMessage = {
    seq: number;
    by: User;
    at: string;
    kind: "message";
    preview: string;
};
export type InboxItem = {
    item: {
        id: string;
        title: string;
    };
    role: Role | null;
    head: number;
    read_seq: number;
    unread: number;
    mentions: number;
    last: LastMessage | null;
    active_at: string;
};
export type Ack = {
    type: "ack";
    seq: number;
    at: string;
    ref?: string;
    duplicate?: true;
};
export type ErrorFrame = {
    type: "error";
    code: string;
    message: string;
    ref?: string;
    retry_after?: number;
    target?: number;
    length?: number;
};
export type Appended = {
    type: "appended";
    target: number;
    length: number;
    part?: number;
    stopped?: true;
    duplicate?: true;
};
export type Append = {
    type: "append";
    target: number;
    at: number;
    text: string;
    part?: number;
};
export type Open = {
    type: "open";
    seq: number;
    at: string;
    by: User;
    body: any;
    length: number;
};
export type Signal = {
    type: "signal";
    name: string;
    by: User;
    body: any;
};
export type Read = {
    type: "read";
    by: User;
    seq: number;
};
export type RoleChange = {
    type: "role";
    role: Role;
};
export type Expiring = {
    type: "expiring";
    in: number;
};
export type Auth = {
    type: "auth";
    expires_at: string | null;
};
export type Pong = {
    type: "pong";
    head: number | null;
};
export type Closing = {
    type: "closing";
    code: number;
    reason: string;
    retry: Retry;
    retry_after?: number;
    message?: string;
};
export type ServerFrame = Welcome | Entry | Live | Ack | ErrorFrame | Appended | Append | Open | Signal | Read | PresenceChange | RoleChange | Expiring | Auth | Pong | Closing;
/** A clear no: to a command, or to being in the room at all. */
export declare class Refused extends Error {
    /** @readonly Branch on this. */
    code: string;
    /** @readonly What the server says about trying again. */
    retry: Retry;
    /** @readonly Seconds, or null. */
    retryAfter: number | null;
    /** @readonly The WebSocket's close code, or null. */
    closeCode: number | null;
    /**
     * @param {string} code One of the contract's codes, or `closed`, `outbox_full`, `http_…`.
     * @param {string} [message] For people.
     * @param {{retry?: Retry, retryAfter?: number | null, closeCode?: number | null}} [more]
     */
    constructor(code: string, message?: string, { retry, retryAfter, closeCode }?: {
        retry?: Retry;
        retryAfter?: number | null;
        closeCode?: number | null;
    });
}
/** A message in the making, and for a while afterwards. */
declare class Draft {
    #private;
    body: any;
    /** @type {{reason: Refused | null} | null} Why it grows no more: null, when it is complete. */
    end: {
        reason: Refused | null;
    } | null;
    /** Somebody wants it to stop. */
    isStopped: boolean;
    /** What it became does not begin with what it was. */
    isRewritten: boolean;
    /** @param {any} body */
    constructor(body: any);
    /** The next change. @returns {Promise<void>} */
    get change(): Promise<void>;
    /** @param {any} body As it stands now. */
    replace(body: any): void;
    /** More text. Throws, when it does not go where the text ends. @param {Append} addition */
    add({ at, text, ...more }: Append): void;
    /** @param {Refused | null} reason */
    close(reason: Refused | null): void;
}
/** One message in the making. */
declare class Writing {
    #private;
    stopping: AbortController;
    /** @type {Refused | null} Why nothing can be added any more. */
    error: Refused | null;
    /** @type {Promise<number> | null} Since it was asked for. */
    finished: Promise<number> | null;
    /** @param {number} seq @param {Draft} draft */
    constructor(seq: number, { body, isStopped }: Draft);
    get isAwaiting(): boolean;
    /** All of a text, with what is not stored yet. @param {number | null} part */
    text(part: number | null): string;
    /** @param {string} text @param {number | null} part */
    add(text: string, part: number | null): void;
    /**
     * Nothing comes behind it.
     *
     * @param {{isReplaced: boolean}} options Something else takes the place of all of it.
     * @returns {Promise<void>} When all of it is stored.
     */
    close({ isReplaced }: {
        isReplaced: boolean;
    }): Promise<void>;
    /** Somebody wants it to stop. */
    stop(): void;
    /** Nothing can be added any more. @param {Refused} reason */
    fail(reason: Refused): void;
    /** The connection is no more: what has no answer may be stored, or not. */
    dropped(): void;
    /**
     * @param {number} now
     * @param {number} maxUnits
     * @returns {{text: string | null, wait: number}} The frame to send now, and how long until more.
     */
    due(now: number, maxUnits: number): {
        text: string | null;
        wait: number;
    };
    /** So long is the text now. @param {number} length */
    reach(length: number): void;
    /**
     * What was sent does not fit: a server that was set back lacks some, or it is another's text.
     *
     * @param {number} length
     */
    misplaced(length: number): void;
    /** Not now. @param {Refused} refused @param {number} now */
    pause({ retryAfter }: Refused, now: number): void;
}
export type State = "connecting" | "resuming" | "live" | "waiting" | "refused" | "closed";
export type RoomEvents = {
    state: {
        state: State;
        reason: string | null;
        retryAt: number | null;
    };
    welcome: Welcome;
    entry: Entry;
    /**
     * A message in the making as it stands: it takes the place of what you have.
     */
    open: Open;
    /**
     * More text of one.
     */
    append: Append;
    live: Live;
    signal: Signal;
    read: Read;
    presence: PresenceChange;
    role: RoleChange;
    gap: Gap;
    expiring: Expiring;
    refused: Refused;
    /**
     * Of something that has no answer: a signal, a read marker, a token.
     */
    error: Refused;
};
export type Credential = string | {
    token: string;
    ticket?: never;
} | {
    ticket: string;
    token?: never;
};
export type WebSocketClass = new (url: string, protocols: string[]) => any;
export type Transport = "auto" | "websocket" | "events";
export type Listener = ((event: Event) => void) | {
    handleEvent(event: Event): void;
} | null;
export type ListenerOptions = boolean | {
    capture?: boolean;
    once?: boolean;
    passive?: boolean;
    signal?: AbortSignal;
};
export type ByToken = {
    token?: string;
    ticket?: never;
    getToken?: never;
};
export type ByTicket = {
    ticket?: string;
    token?: never;
    getToken?: never;
};
export type ByGetToken = {
    getToken?: () => Credential | Promise<Credential>;
    token?: never;
    ticket?: never;
};
export type RoomSettings = {
    /**
     * The item's id.
     */
    item: string;
    /**
     * Default: `globalThis.WebSocket`.
     */
    WebSocket?: WebSocketClass;
    /**
     * `auto`: by a WebSocket, and where none gets through although HTTP
     * does, by server-sent events and requests. Default.
     */
    transport?: Transport;
    /**
     * Begin after this seq; without it with the newest `tail` entries.
     */
    after?: number;
    /**
     * The epoch that `after` is from.
     */
    epoch?: string;
    /**
     * Default: the server's, 50.
     */
    tail?: number;
    /**
     * Commands that may wait for their answer. Default 1000.
     */
    outbox?: number;
    /**
     * Entries that may wait for the iterator. Default 10 000; 0: nobody
     * iterates, and none are kept.
     */
    buffer?: number;
};
export type RoomOptions = RoomSettings & (ByToken | ByTicket | ByGetToken);
export type Step = {
    entry: Entry;
} | {
    gap: Gap;
} | {
    text: Append | Open;
};
export type Ask = {
    method: string;
    path: string;
    body?: object;
};
/**
 * A message that grows; `room.start` makes one.
 *
 * @example
 * const stream = await room.start({ text: "" });
 * for await (const token of model(prompt, { signal: stream.stopped })) stream.append(token);
 * await stream.finish();
 */
export declare class Stream {
    #private;
    /** @readonly The message's. */
    seq: number;
    /**
     * @param {number} seq
     * @param {Writing} writing
     * @param {{pump: () => void, finish: (fields: object, ref?: string) => Promise<number>}} hooks
     */
    constructor(seq: number, writing: Writing, hooks: {
        pump: () => void;
        finish: (fields: object, ref?: string) => Promise<number>;
    });
    /** All of its text, with what is not stored yet. */
    get text(): string;
    /** Aborted when somebody wants it to stop, or nothing can be added any more. */
    get stopped(): AbortSignal;
    /** Why nothing can be added any more; null, when it can. */
    get error(): Refused | null;
    /**
     * Add text. It is sent when the connection allows, and again after it was lost. Throws `Refused`,
     * when nothing can be added any more.
     *
     * @param {string} text
     * @param {{part?: number}} [options] To which of the body's `parts`, instead of to its own text.
     */
    append(text: string, { part }?: {
        part?: number;
    }): void;
    /**
     * End it, when all of its text is stored.
     *
     * @param {object} [options]
     * @param {"done" | "failed" | "stopped"} [options.state]
     * @param {object} [options.error] What has failed, for those who read it.
     * @param {unknown} [options.body] Takes the place of what has come.
     * @param {string} [options.ref]
     * @returns {Promise<number>} The seq of its end. Rejects with `Refused`.
     */
    finish({ state, error, body, ref }?: {
        state?: "done" | "failed" | "stopped";
        error?: object;
        body?: unknown;
        ref?: string;
    }): Promise<number>;
}
/**
 * One item's room.
 *
 * @example
 * const room = new Room("https://rooms.example.com", { item: "order-17", token });
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export declare class Room extends EventTarget {
    #private;
    /**
     * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
     * @param {RoomOptions} options
     */
    constructor(url: string | URL, options: RoomOptions);
    /** Where it stands; every change is a `state` event. */
    get state(): State;
    /** While waiting: when the next attempt is, in milliseconds since 1970. */
    get retryAt(): number | null;
    /** Why the last connection was refused; null since one was not. */
    get error(): Refused | null;
    /** By which way the newest connection is, or was. */
    get transport(): "events" | "websocket";
    /** The seq of the newest entry that you have been given; with `epoch` the place to resume at. */
    get seq(): number;
    /** Which life of the log `seq` belongs to; null before the first `welcome`. */
    get epoch(): string | null;
    /** The newest seq of the log, as far as the server has said. */
    get head(): number;
    /** The oldest seq that was still kept at the last `welcome`. */
    get oldest(): number;
    /** You, with your present role; null before the first `welcome`. */
    get you(): (User & {
        role: Role;
    }) | null;
    /** Id and title; the title is null before the first `welcome`. */
    get item(): {
        id: string;
        title: string | null;
    };
    /** The server's limits; null before the first `welcome`. */
    get limits(): Limits | null;
    /** Who is here. Above 200 users there is only the count. */
    get presence(): {
        count: number;
        users: User[];
    };
    /**
     * @template {keyof RoomEvents} K
     * @overload
     * @param {K} type
     * @param {((event: CustomEvent<RoomEvents[K]>) => void) | null} listener
     * @param {ListenerOptions} [options]
     * @returns {void}
     */
    /**
     * @overload
     * @param {string} type
     * @param {Listener} listener
     * @param {ListenerOptions} [options]
     * @returns {void}
     */
    /**
     * As everywhere. Entries wait for an iterator unless an `entry` listener came first.
     *
     * @param {string} type
     * @param {any} listener
     * @param {ListenerOptions} [options]
     */
    addEventListener<K extends keyof RoomEvents>(type: K, listener: ((event: CustomEvent<RoomEvents[K]>) => void) | null, options?: ListenerOptions): void;
    /**
     * @template {keyof RoomEvents} K
     * @overload
     * @param {K} type
     * @param {((event: CustomEvent<RoomEvents[K]>) => void) | null} listener
     * @param {ListenerOptions} [options]
     * @returns {void}
     */
    /**
     * @overload
     * @param {string} type
     * @param {Listener} listener
     * @param {ListenerOptions} [options]
     * @returns {void}
     */
    /**
     * As everywhere. Entries wait for an iterator unless an `entry` listener came first.
     *
     * @param {string} type
     * @param {any} listener
     * @param {ListenerOptions} [options]
     */
    addEventListener(type: string, listener: Listener, options?: ListenerOptions): void;
    /**
     * Every entry once and in order, across connections, until `close`; one loop at a time.
     *
     * @returns {AsyncIterableIterator<Entry, undefined>}
     */
    [Symbol.asyncIterator](): AsyncIterableIterator<Entry, undefined>;
    /**
     * Store a message.
     *
     * @param {unknown} body Any JSON value.
     * @param {{ref?: string}} [options] A ref of your own makes it safe to call again later, even
     *   from another process.
     * @returns {Promise<number>} Its seq, when it is on disk. Rejects with `Refused`.
     */
    publish(body: unknown, { ref }?: {
        ref?: string;
    }): Promise<number>;
    /**
     * Replace a message's body.
     *
     * @param {number} target The message's seq.
     * @param {unknown} body
     * @param {{ref?: string}} [options]
     * @returns {Promise<number>}
     */
    edit(target: number, body: unknown, { ref }?: {
        ref?: string;
    }): Promise<number>;
    /**
     * Erase a message.
     *
     * @param {number} target
     * @param {{ref?: string}} [options]
     * @returns {Promise<number>}
     */
    delete(target: number, { ref }?: {
        ref?: string;
    }): Promise<number>;
    /**
     * Put on a reaction, or take it back.
     *
     * @param {number} target
     * @param {string} value
     * @param {boolean} [on]
     * @param {{ref?: string}} [options]
     * @returns {Promise<number>}
     */
    react(target: number, value: string, on?: boolean, { ref }?: {
        ref?: string;
    }): Promise<number>;
    /**
     * Begin a message whose text grows while others read it.
     *
     * @param {unknown} body A text, or an object with a `text`, or with `parts` that have one.
     * @param {{ref?: string}} [options] With a ref that was used before, the message that was begun
     *   then goes on: its `text` is what there is of it.
     * @returns {Promise<Stream>} Rejects with `Refused`.
     */
    start(body: unknown, { ref }?: {
        ref?: string;
    }): Promise<Stream>;
    /**
     * Ask the author of a message in the making to end it.
     *
     * @param {number} target
     * @param {{ref?: string}} [options]
     * @returns {Promise<number>}
     */
    stop(target: number, { ref }?: {
        ref?: string;
    }): Promise<number>;
    /**
     * The text of a message in the making: what there is of it, then each addition, across
     * connections, until it is finished. Throws `Refused`, if it is not in the making.
     *
     * @param {number} seq
     * @param {{part?: number}} [options] Of the body's `parts`, instead of its own text.
     * @returns {AsyncGenerator<string, void>}
     */
    text(seq: number, { part }?: {
        part?: number;
    }): AsyncGenerator<string, void>;
    /**
     * Tell those who are here now; dropped while not live.
     *
     * @param {string} name
     * @param {unknown} [body]
     */
    signal(name: string, body?: unknown): void;
    /**
     * Mark as read up to here; kept until there is a connection.
     *
     * @param {number} seq
     */
    read(seq: number): void;
    /** Drop the connection and resume. */
    reconnect(): void;
    /** Leave. Loops end; commands without an answer are refused with `closed`. */
    close(): void;
}
export type InboxEvents = {
    /**
     * One is new, or another; `role` null: it is not yours any more.
     */
    item: InboxItem;
    /**
     * All that the server has said until now is in `items`.
     */
    ready: undefined;
    /**
     * It does not come back.
     */
    refused: Refused;
};
/**
 * @typedef {object} InboxEvents
 * @property {InboxItem} item One is new, or another; `role` null: it is not yours any more.
 * @property {undefined} ready All that the server has said until now is in `items`.
 * @property {Refused} refused It does not come back.
 */
/** All items of a user with what is new in them; changes are `item` events. */
export declare class Inbox extends EventTarget {
    #private;
    /** @type {Map<string, InboxItem>} By id; the newest activity is not the first. */
    items: Map<string, InboxItem>;
    /** Whether `items` is what the server has; not while there is no connection. */
    isReady: boolean;
    /** @type {Refused | null} */
    error: Refused | null;
    /**
     * @param {string} url
     * @param {WebSocketClass} WebSocket
     * @param {any} credentials
     * @param {object} options
     * @param {boolean} options.isListed Whether it begins with all items.
     * @param {boolean} options.mayPoll Whether it asks, where no socket gets through.
     */
    constructor(url: string, WebSocket: WebSocketClass, credentials: any, { isListed, mayPoll }: {
        isListed: boolean;
        mayPoll: boolean;
    });
    /** Messages that are not read, and those that name you, in all items. */
    get totals(): {
        unread: number;
        mentions: number;
    };
    /**
     * @template {keyof InboxEvents} K
     * @overload
     * @param {K} type
     * @param {((event: CustomEvent<InboxEvents[K]>) => void) | null} listener
     * @returns {void}
     */
    /**
     * @overload
     * @param {string} type
     * @param {EventListenerOrEventListenerObject | null} listener
     * @returns {void}
     */
    /**
     * @param {string} type
     * @param {any} listener
     */
    addEventListener<K extends keyof InboxEvents>(type: K, listener: ((event: CustomEvent<InboxEvents[K]>) => void) | null): void;
    /**
     * @template {keyof InboxEvents} K
     * @overload
     * @param {K} type
     * @param {((event: CustomEvent<InboxEvents[K]>) => void) | null} listener
     * @returns {void}
     */
    /**
     * @overload
     * @param {string} type
     * @param {EventListenerOrEventListenerObject | null} listener
     * @returns {void}
     */
    /**
     * @param {string} type
     * @param {any} listener
     */
    addEventListener(type: string, listener: EventListenerOrEventListenerObject | null): void;
    close(): void;
}
export type SessionSettings = {
    /**
     * Default: `globalThis.WebSocket`.
     */
    WebSocket?: WebSocketClass;
    /**
     * Whether `inbox` begins with all items, or knows only of those
     * that change. Default: all.
     */
    inbox?: "all" | "changes";
    /**
     * `auto`: where no socket gets through although HTTP does,
     * each room has events and requests, and the inbox asks every few seconds. Default: auto.
     */
    transport?: "auto" | "websocket";
};
export type SessionOptions = SessionSettings & (ByToken | ByGetToken);
export type SeatOptions = Omit<RoomSettings, "item" | "WebSocket" | "transport">;
/**
 * @typedef {object} SessionSettings
 * @property {WebSocketClass} [WebSocket] Default: `globalThis.WebSocket`.
 * @property {"all" | "changes"} [inbox] Whether `inbox` begins with all items, or knows only of those
 *   that change. Default: all.
 * @property {"auto" | "websocket"} [transport] `auto`: where no socket gets through although HTTP does,
 *   each room has events and requests, and the inbox asks every few seconds. Default: auto.
 *
 * @typedef {SessionSettings & (ByToken | ByGetToken)} SessionOptions
 * @typedef {Omit<RoomSettings, "item" | "WebSocket" | "transport">} SeatOptions
 */
/**
 * Somebody's rooms by one socket, which is there as long as one of them is used, or the inbox.
 *
 * @example
 * const session = new Session("https://rooms.example.com", { token });
 * const room = session.room("order-17");
 * for await (const entry of room) console.log(entry.seq, entry.body);
 */
export declare class Session {
    #private;
    /**
     * @param {string | URL} url The server: http(s) or ws(s), with its path prefix if it has one.
     * @param {SessionOptions} [options] Without a credential the session cookie counts.
     */
    constructor(url: string | URL, options?: SessionOptions);
    /**
     * An item's room: like any other, but that it shares the socket. Close it to leave.
     *
     * @param {string} item
     * @param {SeatOptions} [options]
     * @returns {Room} Throws `Refused` (`already_joined`) while there is one that is not closed.
     */
    room(item: string, options?: SeatOptions): Room;
    /** What is new in all items; it is asked for when this is first used. */
    get inbox(): Inbox;
    /** Leave all rooms. */
    close(): void;
}
export type Shown = {
    key: string;
    status: "stored";
    error: null;
    reactions: Record<string, User[]>;
    stop?: Stop;
    finish?: Finish;
};
export type StoredEntry = (Message | MemberChange | ItemChange) & Shown;
export type UnsentEntry = {
    type: "message";
    key: string;
    status: "pending" | "failed";
    /**
     * Why it failed.
     */
    error: Refused | null;
    ref: string;
    at: string;
    by: User | null;
    body: any;
};
export type View = {
    /**
     * Those that are stored, then those that are not.
     */
    entries: (StoredEntry | UnsentEntry)[];
    presence: {
        count: number;
        users: User[];
    };
    status: State;
    /**
     * Why the last connection was refused.
     */
    error: Refused | null;
    /**
     * While waiting: when the next attempt is.
     */
    retryAt: number | null;
    you: (User & {
        role: Role;
    }) | null;
    /**
     * The item's.
     */
    title: string | null;
};
/**
 * An entry of the log with what came of it: what is about another entry is no entry here. `stop`
 * and `finish` are of a message that grew, and `finish` has no body.
 *
 * @typedef {{key: string, status: "stored", error: null, reactions: Record<string, User[]>,
 *   stop?: Stop, finish?: Finish}} Shown
 * @typedef {(Message | MemberChange | ItemChange) & Shown} StoredEntry
 */
/**
 * A message that was written here and is not in the log yet. Its `key` is that of the stored one
 * that takes its place. `by` is null before the first `welcome`.
 *
 * @typedef {object} UnsentEntry
 * @property {"message"} type
 * @property {string} key
 * @property {"pending" | "failed"} status
 * @property {Refused | null} error Why it failed.
 * @property {string} ref
 * @property {string} at
 * @property {User | null} by
 * @property {any} body
 */
/**
 * What there is to see; never changed, but replaced by another.
 *
 * @typedef {object} View
 * @property {(StoredEntry | UnsentEntry)[]} entries Those that are stored, then those that are not.
 * @property {{count: number, users: User[]}} presence
 * @property {State} status
 * @property {Refused | null} error Why the last connection was refused.
 * @property {number | null} retryAt While waiting: when the next attempt is.
 * @property {(User & {role: Role}) | null} you
 * @property {string | null} title The item's.
 */
/**
 * A room, and what there is to see of it.
 *
 * @example
 * const conversation = new Conversation("/", { item: "order-17" });
 * conversation.subscribe(() => draw(conversation.view));
 */
export declare class Conversation {
    #private;
    /** @readonly */
    room: Room;
    /**
     * @param {string | URL | Session} place The server; or a session, whose socket it then has.
     * @param {RoomOptions} options Those of a room; with a session those of its rooms.
     */
    constructor(place: string | URL | Session, options: RoomOptions);
    /** What there is to see now; the same object until something changes. */
    get view(): View;
    /** Whether something that was published has no answer yet. */
    get isWaiting(): boolean;
    /**
     * Be told of every change of the view.
     *
     * @param {() => void} listener
     * @returns {() => void} Ends it.
     */
    subscribe(listener: () => void): () => void;
    /**
     * Store a message, and show it at once. When it is refused, it stays with its `error`.
     *
     * @param {unknown} body Any JSON value.
     * @param {{ref?: string}} [options]
     * @returns {string} Its ref.
     */
    publish(body: unknown, { ref }?: {
        ref?: string;
    }): string;
    /**
     * Publish a message that failed once more: its ref makes sure that it is stored once.
     *
     * @param {string} ref
     */
    retry(ref: string): void;
    /**
     * Forget a message that failed.
     *
     * @param {string} ref
     */
    discard(ref: string): void;
    /** Leave the room. */
    close(): void;
}
export type ShareSettings = {
    /**
     * The server. Default: that of the page.
     */
    url?: string | URL;
    /**
     * Its socket is taken, and its server and credential count.
     */
    session?: Session;
    /**
     * Whose room it is, where `getToken` or the cookie does not tell: another
     * user has another socket.
     */
    user?: string;
};
export type ShareOptions = Omit<RoomSettings, "item" | "buffer"> & ShareSettings & (ByToken | ByTicket | ByGetToken);
/**
 * The conversation of an item; one for all who ask with the same `url`, `token` and `user`, or with
 * the same session.
 *
 * @param {string} item
 * @param {ShareOptions} [options] Those of a room; they count for who comes first.
 * @returns {{conversation: Conversation, leave: () => void}} The last who leaves closes it, when
 *   what was published has its answer, or after a minute.
 */
export declare function share(item: string, { url, user, session, ...options }?: ShareOptions): {
    conversation: Conversation;
    leave: () => void;
};
export {};
