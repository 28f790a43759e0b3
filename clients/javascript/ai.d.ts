import type { Conversation, StoredEntry } from "@itemroom/client";
import type { ChatTransport, UIMessage, UIMessageChunk } from "ai";
export type Said = Extract<StoredEntry, {
    type: "message";
}>;
export type Find = () => Said | undefined;
export type IsAnswer = (message: Said) => boolean;
export type AnswerState = "done" | "failed" | "stopped" | "interrupted";
export type Metadata = {
    seq: number;
    at: string;
    by: {
        id: string;
        name: string;
    };
    state?: AnswerState;
};
export type RoomMessage = UIMessage<Metadata>;
export type Sending = Parameters<ChatTransport<RoomMessage>["sendMessages"]>[0];
export type Reconnecting = Parameters<ChatTransport<RoomMessage>["reconnectToStream"]>[0];
/**
 * What was said in a room, for `useChat({ messages })`.
 *
 * @param {Conversation} conversation
 * @param {{isAnswer?: IsAnswer}} [options]
 * @returns {RoomMessage[]}
 */
export declare function messagesOf(conversation: Conversation, { isAnswer }?: {
    isAnswer?: IsAnswer;
}): RoomMessage[];
/**
 * Sends what is asked into a room, and reads the answer that grows there.
 *
 * @implements {ChatTransport<RoomMessage>}
 *
 * @example
 * const transport = new RoomTransport(new Conversation("/", { item: "order-17" }));
 * const { messages, sendMessage, stop } = useChat({ transport, resume: true });
 */
export declare class RoomTransport implements ChatTransport<RoomMessage> {
    #private;
    /**
     * @param {Conversation} conversation
     * @param {{isAnswer?: IsAnswer}} [options] By default an answer is what grew in the room.
     */
    constructor(conversation: Conversation, { isAnswer }?: {
        isAnswer?: IsAnswer;
    });
    /** @param {Sending} options @returns {Promise<ReadableStream<UIMessageChunk>>} */
    sendMessages({ trigger, messages, messageId, body, abortSignal }: Sending): Promise<ReadableStream<UIMessageChunk>>;
    /** @param {Reconnecting} options @returns {Promise<ReadableStream<UIMessageChunk> | null>} */
    reconnectToStream({ abortSignal }: Reconnecting): Promise<ReadableStream<UIMessageChunk> | null>;
}
