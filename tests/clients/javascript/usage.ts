// How TypeScript sees the package: each line marked as an error must be one.
import { type Entry, Refused, Room, type RoomOptions, type ServerFrame, type State, type Stream, textOf } from "@itemroom/client";

declare class Ws {
  constructor(url: string | URL, protocols?: string | string[], options?: { origin?: string });
}

export async function use(): Promise<void> {
  const room = new Room("https://rooms.example.com", {
    item: "order-17",
    getToken: async () => ({ ticket: "t" }),
    WebSocket: Ws,
    after: 7,
    epoch: "e1",
  });
  new Room(new URL("ws://h"), { item: "i", getToken: () => "token", WebSocket }).close();
  // @ts-expect-error: an item is needed
  new Room("https://rooms.example.com", { token: "t" });
  // @ts-expect-error: one credential, not two
  new Room("https://rooms.example.com", { item: "order-17", token: "t", ticket: "t" });
  // @ts-expect-error: nor a token that goes with a way to get one
  new Room("https://rooms.example.com", { item: "order-17", token: "t", getToken: () => "t" });
  // @ts-expect-error: nor two at once from there
  const both: RoomOptions = { item: "i", getToken: () => ({ token: "t", ticket: "t" }) };
  const perhaps: string | undefined = both.token;
  new Room("https://rooms.example.com", { item: "order-17", token: perhaps });
  // @ts-expect-error: there is no such option
  new Room("https://rooms.example.com", { item: "order-17", tokn: "t" });

  room.addEventListener("state", ({ detail }) => {
    const state: State = detail.state;
    const at: number | null = detail.retryAt;
    console.log(state, at, detail.reason);
  });
  room.addEventListener("entry", ({ detail }) => {
    console.log(detail.by.name, detail.type === "message" ? detail.edited_seq : "");
    // @ts-expect-error: not every entry has one
    console.log(detail.edited_seq);
  });
  room.addEventListener("gap", ({ detail: { after, oldest, epoch } }) => after + oldest + epoch);
  room.addEventListener("refused", ({ detail }) => detail.closeCode, { once: true });
  // @ts-expect-error: a signal has a name
  room.addEventListener("signal", ({ detail }) => detail.nam);

  const seq: number = await room.publish({ text: "hi" }, { ref: "r1" });
  await room.react(seq, "👍");
  // @ts-expect-error: a target is a number
  await room.delete("1");
  // @ts-expect-error: what a room says of itself is read only
  room.seq = 7;

  const stream: Stream = await room.start({ text: "" }, { ref: "s1" });
  stream.append("Hel", { part: 1 });
  const signal: AbortSignal = stream.stopped;
  // @ts-expect-error: only the server interrupts
  await stream.finish({ state: "interrupted" });
  const end: number = await stream.finish({ state: signal.aborted ? "stopped" : "done", body: stream.text });
  for await (const text of room.text(end)) console.log(text.trim());
  room.addEventListener("append", ({ detail: { target, at, text } }) => text.at(at + target));
  room.addEventListener("open", ({ detail }) => textOf(detail.body));

  try {
    for await (const entry of room) show(entry);
  } catch (error) {
    if (error instanceof Refused && error.retry === "after_auth") console.log(error.code);
  }
}

function show(entry: Entry): string {
  switch (entry.type) {
    case "message":
      return textOf(entry.body);
    case "edit":
    case "delete":
      return `${entry.target + 1}`;
    case "reaction":
      return entry.on ? entry.value.trim() : "";
    case "member":
      return entry.role ?? `${entry.user.name} was removed`;
    case "item":
      return entry.title ?? "";
    case "stop":
      return entry.by.name;
    case "finish":
      return entry.state === "interrupted" ? "" : textOf(entry.body);
    // @ts-expect-error: there is no such entry
    case "weather":
      return "";
    default: {
      const none: never = entry;
      return none;
    }
  }
}

export function forgetful(entry: Entry): void {
  if (entry.type === "message") return;
  // @ts-expect-error: seven more are left
  const none: never = entry;
  // @ts-expect-error: an edit has no value
  if (entry.type === "edit") console.log(entry.value, none);
  console.log(show(entry));
}

export function hear(frame: ServerFrame): string | number {
  // Both have a `code`, and not of one kind.
  if (frame.type === "error") return frame.code.trim();
  if (frame.type === "closing") return frame.code + 1;
  // @ts-expect-error: no other frame has one
  return frame.code;
}
