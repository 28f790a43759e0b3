/** An item's room as a transport of the Vercel AI SDK: `useChat` of `@ai-sdk/react`. */
import { textOf } from "@itemroom/client";
/** @import { Conversation, StoredEntry } from "@itemroom/client" */
/** @import { ChatTransport, UIMessage, UIMessageChunk } from "ai" */

/**
 * @typedef {Extract<StoredEntry, {type: "message"}>} Said
 * @typedef {() => Said | undefined} Find
 * @typedef {(message: Said) => boolean} IsAnswer
 * @typedef {"done" | "failed" | "stopped" | "interrupted"} AnswerState
 * @typedef {{seq: number, at: string, by: {id: string, name: string}, state?: AnswerState}} Metadata
 *   Which message it is, whose, and how an answer has ended.
 * @typedef {UIMessage<Metadata>} RoomMessage
 * @typedef {Parameters<ChatTransport<RoomMessage>["sendMessages"]>[0]} Sending
 * @typedef {Parameters<ChatTransport<RoomMessage>["reconnectToStream"]>[0]} Reconnecting
 */

/** @type {IsAnswer} An answer is what grew in the room, whoever wrote it. */
const hasGrown = ({ open, finish }) => open === true || finish !== undefined;

/**
 * What was said in a room, for `useChat({ messages })`.
 *
 * @param {Conversation} conversation
 * @param {{isAnswer?: IsAnswer}} [options]
 * @returns {RoomMessage[]}
 */
export function messagesOf(conversation, { isAnswer = hasGrown } = {}) {
  return saidIn(conversation).map((message) => ({
    id: String(message.seq),
    role: isAnswer(message) ? "assistant" : "user",
    metadata: { ...metadataOf(message), ...(message.finish && { state: message.finish.state }) },
    parts: [{ type: "text", text: textOf(message.body) }],
  }));
}

/**
 * Sends what is asked into a room, and reads the answer that grows there.
 *
 * @implements {ChatTransport<RoomMessage>}
 *
 * @example
 * const transport = new RoomTransport(new Conversation("/", { item: "order-17" }));
 * const { messages, sendMessage, stop } = useChat({ transport, resume: true });
 */
export class RoomTransport {
  #conversation;
  #isAnswer;
  #questions = 0;
  #resumptions = 0;

  /**
   * @param {Conversation} conversation
   * @param {{isAnswer?: IsAnswer}} [options] By default an answer is what grew in the room.
   */
  constructor(conversation, { isAnswer = hasGrown } = {}) {
    this.#conversation = conversation;
    this.#isAnswer = isAnswer;
  }

  /** @param {Sending} options @returns {Promise<ReadableStream<UIMessageChunk>>} */
  async sendMessages({ trigger, messages, messageId, body, abortSignal }) {
    const asked = messages.filter(({ role }) => role === "user").at(-1);
    if (!asked) throw new TypeError("there is no message of the user's to send");
    const question = ++this.#questions;
    // The SDK makes a new id for each new message, and none for what is asked again.
    const isNew = trigger === "submit-message" && messageId === undefined;
    const options = isNew ? { ref: asked.id } : {};
    const seq = await this.#conversation.room.publish({ ...body, text: textIn(asked) }, options);
    const find = this.#finder((message) => answers(message, seq));
    // An answer that names no question, and comes after another was asked, may be to that.
    const isIt = (/** @type {Said} */ { body }) => body?.reply_to === seq || question === this.#questions;
    stopped(abortSignal).then(() => stop(this.#conversation, find, isIt));
    return read(this.#conversation, find);
  }

  /** @param {Reconnecting} options @returns {Promise<ReadableStream<UIMessageChunk> | null>} */
  async reconnectToStream({ abortSignal }) {
    const resumption = ++this.#resumptions;
    const said = await until(this.#conversation, () => saidIn(this.#conversation));
    const open = said.filter((message) => message.open && this.#isAnswer(message)).at(-1);
    if (!open) return null;
    const find = this.#finder(({ seq }) => seq === open.seq);
    // The SDK also aborts what it then asks for again: that is no stop.
    const isIt = () => resumption === this.#resumptions;
    stopped(abortSignal).then(() => stop(this.#conversation, find, isIt));
    return read(this.#conversation, find);
  }

  /** @param {(message: Said) => boolean} isIt @returns {Find} */
  #finder(isIt) {
    return () => saidIn(this.#conversation).find((message) => this.#isAnswer(message) && isIt(message));
  }
}

/**
 * The answer's chunks. Who reads no more stops nothing: that it goes on is what it is in a room for.
 *
 * @param {Conversation} conversation
 * @param {Find} find
 * @returns {ReadableStream<UIMessageChunk>}
 */
function read(conversation, find) {
  const gone = new AbortController();
  const reading = chunks(conversation, find, gone.signal);
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await reading.next();
      if (gone.signal.aborted) return;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => gone.abort(),
  });
}

/**
 * @param {Conversation} conversation
 * @param {Find} find
 * @param {AbortSignal} gone
 * @returns {AsyncGenerator<UIMessageChunk, void>}
 */
async function* chunks(conversation, find, gone) {
  /** @type {Said | null} */
  let answer = await until(conversation, find, gone);
  yield { type: "start", messageId: String(answer.seq), messageMetadata: metadataOf(answer) };
  yield { type: "text-start", id: "text" };
  let given = "";
  while (answer?.open) {
    const more = behind(given, answer);
    if (more) yield { type: "text-delta", id: "text", delta: more };
    given += more;
    answer = await until(conversation, otherThan(answer, find), gone);
  }
  const more = answer ? behind(given, answer) : "";
  if (more) yield { type: "text-delta", id: "text", delta: more };
  yield { type: "text-end", id: "text" };
  yield* ending(answer);
}

/**
 * A message that has changed; null, when it was deleted, or is not shown any more since a gap.
 *
 * @param {Said} before
 * @param {Find} find
 * @returns {() => Said | null | undefined}
 */
function otherThan(before, find) {
  return () => {
    const now = find() ?? null;
    return now === before ? undefined : now;
  };
}

/**
 * What comes after a text. What takes its place cannot be told in chunks; `messagesOf` has it.
 *
 * @param {string} given
 * @param {Said} message
 */
function behind(given, { body }) {
  const text = textOf(body);
  return text.startsWith(given) ? text.slice(given.length) : "";
}

/**
 * @param {Said | null} answer
 * @returns {Generator<UIMessageChunk, void>}
 */
function* ending(answer) {
  if (!answer) return yield { type: "error", errorText: "The answer is not there any more." };
  const { state, error } = answer.finish ?? { state: "done" };
  yield { type: "message-metadata", messageMetadata: { state } };
  if (state === "done") yield { type: "finish", finishReason: "stop" };
  else if (state === "stopped") yield { type: "abort", reason: state };
  else yield { type: "error", errorText: errorText(error) ?? FAULTS[state] };
}

const FAULTS = { failed: "The answer has failed.", interrupted: "The answer was interrupted." };

/** @param {any} error What the answer's author has said. */
function errorText(error) {
  const text = error?.message ?? error?.text ?? error;
  return typeof text === "string" ? text : undefined;
}

/**
 * Wait for something to be seen; what is replayed is not looked at before all of it is there.
 *
 * @template T
 * @param {Conversation} conversation
 * @param {() => T | undefined} look
 * @param {AbortSignal} [gone] Nobody waits any more.
 * @returns {Promise<T>} Rejects, when the room has ended.
 */
function until(conversation, look, gone) {
  return new Promise((resolve, reject) => {
    const leave = conversation.subscribe(changed);
    gone?.addEventListener("abort", leave, { once: true });
    function changed() {
      const { status, error } = conversation.view;
      const seen = status === "live" ? look() : undefined;
      if (seen !== undefined) resolve(seen);
      else if (status === "refused" || status === "closed") reject(error ?? new Error("The room was closed."));
      else return;
      leave();
    }
    changed();
  });
}

/**
 * Ask for the end of an answer, as soon as there is one.
 *
 * @param {Conversation} conversation
 * @param {Find} find
 * @param {(message: Said) => boolean} isIt Whether it is still the one.
 */
async function stop(conversation, find, isIt) {
  try {
    const answer = await until(conversation, find);
    if (answer.open && isIt(answer)) await conversation.room.stop(answer.seq);
  } catch {
    // It has ended meanwhile, or the room has: there is nothing left to stop.
  }
}

/** @param {AbortSignal | undefined} signal @returns {Promise<void>} */
function stopped(signal) {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve();
    signal?.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** @param {Conversation} conversation @returns {Said[]} */
function saidIn({ view }) {
  return view.entries.filter(
    /** @returns {entry is Said} */
    (entry) => entry.type === "message" && entry.status === "stored" && !entry.deleted_seq,
  );
}

/**
 * One that says what it answers answers only that.
 *
 * @param {Said} message
 * @param {number} seq The question's.
 */
function answers(message, seq) {
  const to = message.body?.reply_to;
  return message.seq > seq && (to === undefined || to === seq);
}

/** @param {Said} message @returns {Metadata} */
function metadataOf({ seq, at, by }) {
  return { seq, at, by };
}

/** @param {RoomMessage} message */
function textIn({ parts }) {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}
