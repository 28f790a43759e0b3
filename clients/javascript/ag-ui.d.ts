/** An item's room as an agent of AG-UI: what its client asks is said in the room, and answered there. */
import { AbstractAgent } from "@ag-ui/client";
import { RoomTransport } from "@itemroom/client/ai";
import { Observable } from "rxjs";
import type { AgentConfig, BaseEvent, RunAgentInput } from "@ag-ui/client";
import type { Conversation } from "@itemroom/client";
import type { IsAnswer } from "@itemroom/client/ai";
/** @import { AgentConfig, BaseEvent, Message, RunAgentInput } from "@ag-ui/client" */
/** @import { Conversation } from "@itemroom/client" */
/** @import { IsAnswer, RoomMessage } from "@itemroom/client/ai" */
/** @import { UIMessageChunk } from "ai" */
/**
 * Asks in a room, and reads the answer that grows there, whoever writes it.
 *
 * @example
 * const agent = new RoomAgent(new Conversation("/", { item: "order-17" }));
 * agent.addMessage({ id: crypto.randomUUID(), role: "user", content: "Where is it?" });
 * await agent.runAgent({}, { onTextMessageContentEvent: ({ event }) => show(event.delta) });
 */
export declare class RoomAgent extends AbstractAgent {
    conversation: Conversation;
    answering: {
        isAnswer: IsAnswer;
    } | {
        isAnswer?: undefined;
    };
    transport: RoomTransport;
    aborting: AbortController;
    /**
     * @param {Conversation} conversation
     * @param {AgentConfig & {isAnswer?: IsAnswer}} [config] By default an answer is what grew in the room.
     */
    constructor(conversation: Conversation, { isAnswer, ...config }?: AgentConfig & {
        isAnswer?: IsAnswer;
    });
    /** @returns {RoomAgent} */
    clone(): RoomAgent;
    /** Ask whoever writes the answer to end it. */
    abortRun(): void;
    /**
     * The newest message of the user's is the question: it is stored once, under its id.
     *
     * @param {RunAgentInput} input
     * @returns {Observable<BaseEvent>}
     */
    run(input: RunAgentInput): Observable<BaseEvent>;
    /**
     * What was said, and the answer that is open, from its beginning.
     *
     * @param {RunAgentInput} input
     * @returns {Observable<BaseEvent>}
     */
    connect(input: RunAgentInput): Observable<BaseEvent>;
}
