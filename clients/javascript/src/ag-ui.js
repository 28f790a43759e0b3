/** An item's room as an agent of AG-UI: what its client asks is said in the room, and answered there. */
import { AbstractAgent, EventType } from "@ag-ui/client";
import { messagesOf, RoomTransport } from "@itemroom/client/ai";
import { Observable } from "rxjs";
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
export class RoomAgent extends AbstractAgent {
  /**
   * @param {Conversation} conversation
   * @param {AgentConfig & {isAnswer?: IsAnswer}} [config] By default an answer is what grew in the room.
   */
  constructor(conversation, { isAnswer, ...config } = {}) {
    super(config);
    // No private fields: `clone` of the package makes an object without them.
    this.conversation = conversation;
    this.answering = isAnswer ? { isAnswer } : {};
    this.transport = new RoomTransport(conversation, this.answering);
    this.aborting = new AbortController();
  }

  /** @returns {RoomAgent} */
  clone() {
    const { conversation, answering } = this;
    const transport = new RoomTransport(conversation, answering);
    return Object.assign(super.clone(), { conversation, answering, transport, aborting: new AbortController() });
  }

  /** Ask whoever writes the answer to end it. */
  abortRun() {
    this.aborting.abort();
  }

  /**
   * The newest message of the user's is the question: it is stored once, under its id.
   *
   * @param {RunAgentInput} input
   * @returns {Observable<BaseEvent>}
   */
  run(input) {
    const messages = /** @type {RoomMessage[]} */ (input.messages.filter(isAsked).map(asSent));
    const { signal } = (this.aborting = new AbortController());
    return told(input, async function* (agent) {
      const options = { trigger: "submit-message", messageId: undefined, body: input.forwardedProps };
      const asked = { ...options, chatId: input.threadId, messages, abortSignal: signal };
      yield* eventsOf(await agent.transport.sendMessages(/** @type {any} */ (asked)));
    }, this);
  }

  /**
   * What was said, and the answer that is open, from its beginning.
   *
   * @param {RunAgentInput} input
   * @returns {Observable<BaseEvent>}
   */
  connect(input) {
    const { signal } = (this.aborting = new AbortController());
    return told(input, async function* (agent) {
      const asked = { chatId: input.threadId, abortSignal: signal };
      const stream = await agent.transport.reconnectToStream(/** @type {any} */ (asked));
      const said = messagesOf(agent.conversation, agent.answering);
      const open = stream ? said.filter(({ role }) => role === "assistant").at(-1) : undefined;
      yield { type: EventType.MESSAGES_SNAPSHOT, messages: said.filter((one) => one !== open).map(asKept) };
      if (stream) yield* eventsOf(stream);
    }, this);
  }
}

/**
 * A run. Who unsubscribes reads no more; the answer goes on, as it is in a room.
 *
 * @param {RunAgentInput} input
 * @param {(agent: RoomAgent) => AsyncGenerator<any, void>} read
 * @param {RoomAgent} agent
 * @returns {Observable<BaseEvent>}
 */
function told({ threadId, runId }, read, agent) {
  return new Observable((subscriber) => {
    const tell = async () => {
      subscriber.next(/** @type {any} */ ({ type: EventType.RUN_STARTED, threadId, runId }));
      /** @type {any} */
      let end = { type: EventType.RUN_FINISHED, threadId, runId };
      for await (const event of read(agent)) {
        if (subscriber.closed) return;
        if (event.type === EventType.RUN_ERROR) end = event;
        else if (event.type === EventType.RUN_FINISHED) end = { ...end, ...event };
        else subscriber.next(event);
      }
      subscriber.next(end);
      subscriber.complete();
    };
    tell().catch((error) => subscriber.error(error));
  });
}

/**
 * An answer's chunks as events.
 *
 * @param {ReadableStream<UIMessageChunk>} stream
 */
async function* eventsOf(stream) {
  const reader = stream.getReader();
  let messageId = "";
  let state = "interrupted";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      switch (value.type) {
        case "start":
          messageId = String(value.messageId);
          break;
        case "text-start":
          yield { type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant" };
          break;
        case "text-delta":
          yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta: value.delta };
          break;
        case "text-end":
          yield { type: EventType.TEXT_MESSAGE_END, messageId };
          break;
        case "message-metadata":
          state = /** @type {any} */ (value.messageMetadata).state;
          break;
        case "error":
          yield { type: EventType.RUN_ERROR, message: value.errorText, code: state };
          break;
        case "finish":
        case "abort":
          yield { type: EventType.RUN_FINISHED, result: { state } };
      }
    }
  } finally {
    await reader.cancel();
  }
}

/** @param {Message} message */
const isAsked = ({ role }) => role === "user";

/** As the AI SDK has it. @param {any} message */
function asSent({ id, content }) {
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return { id, role: "user", parts };
}

/** @param {RoomMessage} message */
function asKept({ id, role, parts }) {
  return { id, role, content: parts.map((part) => (part.type === "text" ? part.text : "")).join("") };
}
