// How TypeScript sees the package: each line marked as an error must be one.
import { type Entry, Refused, Room, type State } from "itemroom";

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
  // @ts-expect-error: there is no such option
  new Room("https://rooms.example.com", { item: "order-17", tokn: "t" });

  room.addEventListener("state", ({ detail }) => {
    const state: State = detail.state;
    const at: number | null = detail.retryAt;
    console.log(state, at, detail.reason);
  });
  room.addEventListener("entry", ({ detail }) => console.log(detail.by.name, detail.edited_seq));
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

  try {
    for await (const entry of room) show(entry);
  } catch (error) {
    if (error instanceof Refused && error.retry === "after_auth") console.log(error.code);
  }
}

function show(entry: Entry): void {
  if (entry.type === "message") console.log(entry.seq, entry.body);
  // @ts-expect-error: there is no such entry
  if (entry.type === "weather") console.log(entry);
}
