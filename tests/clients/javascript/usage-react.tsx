// How TypeScript sees the hook and the element: each line marked as an error must be one.
import { Session, type View, textOf } from "@itemroom/client";
import { ItemroomRoom } from "@itemroom/client/itemroom-room";
import { SessionProvider, useInbox, useRoom } from "@itemroom/client/react";

export function Talk({ item }: { item: string }) {
  const { entries, presence, status, error, publish, retry, room } = useRoom(item, {
    url: new URL("https://rooms.example.com"),
    getToken: async () => ({ ticket: "t" }),
    user: "ada",
    tail: 20,
  });
  useRoom(item);
  // @ts-expect-error: the item comes first
  useRoom({ item });
  // @ts-expect-error: one credential, not two
  useRoom(item, { token: "t", getToken: () => "t" });
  // @ts-expect-error: nobody iterates
  useRoom(item, { buffer: 7 });
  const ref: string = publish({ text: "hi" });
  // @ts-expect-error: by its ref
  retry(7);
  room?.react(7, "👍");
  // @ts-expect-error: there is no room in the first render
  room.react(7, "👍");
  // @ts-expect-error: there is no such status
  if (status === "open") console.log(ref);
  return (
    <ul title={error?.code} aria-label={`${presence.count}`}>
      {entries.map((entry) => (
        <Line key={entry.key} entry={entry} />
      ))}
    </ul>
  );
}

function Line({ entry }: { entry: View["entries"][number] }) {
  if (entry.type !== "message") return <li>{entry.seq}</li>;
  // @ts-expect-error: what is not stored has none
  console.log(entry.reactions);
  const seq: number = entry.status === "stored" ? entry.seq : entry.ref.length;
  const likes = entry.status === "stored" ? entry.reactions["👍"]?.length : 0;
  return <li value={seq}>{`${entry.by?.name} ${textOf(entry.body)} ${entry.error?.message} ${likes}`}</li>;
}

const session = new Session("https://rooms.example.com", { token: "t" });

export function Desk() {
  const { items, unread, error } = useInbox(session);
  const { title } = useRoom("order-17", { session });
  // @ts-expect-error: a session, not an address
  useInbox("https://rooms.example.com");
  return (
    <SessionProvider session={session}>
      {title} {unread} {error?.code} {items[0]?.last?.preview}
    </SessionProvider>
  );
}

export function set(element: ItemroomRoom): number | undefined {
  element.getToken = async () => "token";
  // @ts-expect-error: a token is text
  element.getToken = () => 7;
  ItemroomRoom.words.send = "Senden";
  // @ts-expect-error: no such word
  ItemroomRoom.words.shout = "!";
  return element.room?.seq;
}
