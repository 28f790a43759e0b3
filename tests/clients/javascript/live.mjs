// Programs against a real server, with `ws`: the name is the first argument, JSON comes out.
import { once } from "node:events";
import { createRequire } from "node:module";
import { Room, Session } from "../../../api/web/itemroom.js";

const WebSocket = createRequire(new URL("../../node/package.json", import.meta.url))("ws");
const [name, url, ...tokens] = process.argv.slice(2);
const open = (token, options = {}) => new Room(url, { item: "room", token, WebSocket, ...options });
const call = (method, path, token, body) =>
  fetch(`${url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
const heard = async (room, type) => (await once(room, type))[0].detail;

const programs = {
  /** Two people use all there is. */
  async talk(ada, bob) {
    const [a, b] = [open(ada, { after: 0 }), open(bob, { after: 0 })];
    await Promise.all([heard(a, "live"), heard(b, "live")]);
    const seq = await a.publish({ text: "hello" });
    await a.edit(seq, { text: "hello, Bob" });
    await b.react(seq, "👍");
    const forbidden = await b.delete(seq).catch((error) => error.code);
    const told = Promise.all([heard(b, "signal"), heard(b, "read")]);
    a.signal("typing", true);
    a.read(seq);
    const [{ name, body }, read] = await told;
    a.reconnect();
    const again = await a.publish({ text: "back" });
    await a.delete(seq);
    const entries = [];
    for await (const { seq, type, target, body } of b) {
      entries.push([seq, type, target ?? null, body ?? null]);
      if (type === "delete") break;
    }
    // Who comes is announced with a delay: Bob may have been welcomed before Ada was here.
    while (b.presence.count < 2) await once(b, "presence");
    const here = b.presence.users.map((user) => user.name).sort();
    const ended = heard(b, "refused");
    await fetch(`${url}/items/room/members/bob`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${ada}` },
    });
    const { code, retry } = await ended;
    a.close();
    return { forbidden, signal: [name, body], read: read.seq, again, entries, here, code, retry };
  },

  /** A message that one process begins and another goes on with, until a reader has it stopped. */
  async handed(ada, bob) {
    const [first, second, reader] = [open(ada), open(ada, { tail: 0 }), open(bob)];
    await Promise.all([first, second, reader].map((room) => heard(room, "live")));
    const begun = await first.start({ text: "" }, { ref: "answer" });
    begun.append("Hel\ud83d");
    let text = "";
    for await (const more of reader.text(begun.seq)) if ((text += more) === "Hel") break;
    first.close();
    const stream = await second.start({ text: "" }, { ref: "answer" });
    const taken = stream.text;
    stream.append("lo");
    await reader.stop(stream.seq);
    if (!stream.stopped.aborted) await once(stream.stopped, "abort");
    const end = await stream.finish({ state: stream.stopped.reason.code });
    const gone = await second.start({ text: "" }, { ref: "answer" }).catch(({ code }) => code);
    text = "";
    for await (const more of reader.text(begun.seq)) text += more;
    for (const room of [second, reader]) room.close();
    return { seqs: [begun.seq, stream.seq, end], taken, text, gone };
  },

  /** Handshakes that HTTP refuses. */
  async denied(token) {
    const lost = new Room(`${url}/nowhere`, { item: "room", token, WebSocket });
    const elsewhere = await heard(lost, "refused");
    const first = open(token);
    await heard(first, "live");
    const second = open(token);
    const waiting = await heard(second, "state");
    const { error } = second;
    second.close();
    first.close();
    return {
      elsewhere: [elsewhere.code, elsewhere.retry],
      crowded: [waiting.state, waiting.reason, error.retry, error.retryAfter > 0],
    };
  },

  /** Rooms by one socket, which come, are left, are refused and removed, and the inbox. */
  async session(ada, bob) {
    const opened = [];
    class Counted extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols);
        opened.push(new URL(address).pathname);
      }
    }
    const session = new Session(url, { getToken: async () => bob, WebSocket: Counted });
    const [one, two] = [session.room("one", { after: 0 }), session.room("two")];
    await Promise.all([heard(one, "live"), heard(two, "live")]);
    const seqs = await Promise.all([one.publish("to one"), two.publish("to two")]);
    const nowhere = await heard(session.room("nowhere"), "refused");
    const { inbox } = session;
    if (!inbox.isReady) await once(inbox, "ready");
    const known = [...inbox.items.keys()].sort();
    await call("POST", "/items/one/messages", ada, { body: { text: "@bob", mentions: ["bob"] } });
    while (inbox.totals.mentions < 1) await once(inbox, "item");
    one.close();
    const again = session.room("one", { after: 1 });
    const bodies = [];
    for await (const { body } of again) if (bodies.push(body) === 2) break;
    const removed = heard(two, "refused");
    const gone = once(inbox, "item");
    await call("DELETE", "/items/two/members/bob", ada);
    const { code } = await removed;
    while (inbox.items.has("two")) await Promise.race([gone, once(inbox, "item")]);
    const last = await again.publish("still here");
    session.close();
    const closed = await again.publish("late").catch((error) => error.code);
    return { opened, seqs, nowhere: nowhere.code, known, bodies, code, last, closed };
  },

  /** Rooms whose socket is cut again and again: what each has heard, and the answers. */
  async torn(ada) {
    let frames = 0;
    let cuts = 0;
    class Torn extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols);
        this.on("message", () => {
          frames += 1;
          if (frames % 37 === 0 && cuts < 20) {
            cuts += 1;
            this.terminate();
          }
        });
      }
    }
    const session = new Session(url, { token: ada, WebSocket: Torn });
    const items = ["one", "two", "three"];
    const rooms = items.map((item) => session.room(item, { after: 0 }));
    for (const room of rooms) {
      // Somebody is in a hurry here.
      room.addEventListener("state", ({ detail }) => detail.state === "waiting" && room.reconnect());
    }
    const heardBy = rooms.map(async (room) => {
      const seqs = [];
      for await (const { seq, type } of room) {
        seqs.push(seq);
        if (type === "message" && seqs.length === 60) return seqs;
      }
    });
    const answers = await Promise.all(
      rooms.map((room) => Promise.all(Array.from({ length: 60 }, (_, n) => room.publish(n)))),
    );
    const seqs = await Promise.all(heardBy);
    session.close();
    return { cuts, seqs, answers: answers.map((all) => all.sort((a, b) => a - b)) };
  },

  /** Who hears that a room waits may not want to: it comes back once, and not again in time. */
  async hasty(ada) {
    const sockets = [];
    class Counted extends WebSocket {
      constructor(address, protocols) {
        super(address, protocols);
        // A room with two of them at once would not come to an end.
        if (sockets.push(this) === 3) process.exit(1);
      }
    }
    const room = open(ada, { WebSocket: Counted });
    await heard(room, "live");
    let waitsUntil = 0;
    room.addEventListener("state", ({ detail: { state, retryAt } }) => {
      if (state !== "waiting" || waitsUntil > 0) return;
      waitsUntil = retryAt;
      room.reconnect();
    });
    sockets[0].terminate();
    await heard(room, "live");
    await new Promise((done) => setTimeout(done, waitsUntil - Date.now() + 200));
    const found = { sockets: sockets.length, state: room.state };
    room.close();
    return found;
  },

  /** A loop that answers what it reads, and reads too slowly for its buffer. */
  async replies(ada, bob) {
    const room = open(ada, { after: 0, buffer: 8 });
    const states = [];
    room.addEventListener("state", ({ detail }) => states.push(detail.reason));
    const other = open(bob, { buffer: 0 });
    await Promise.all(Array.from({ length: 100 }, (_, n) => other.publish(n)));
    other.close();
    const [seqs, replies] = [[], []];
    for await (const { seq, body } of room) {
      seqs.push(seq);
      if (typeof body === "string") replies.push(body);
      else if (body % 10 === 0) await room.publish(`re: ${body}`);
      if (replies.length === 10) break;
    }
    room.close();
    return { seqs, replies, wasFull: states.includes("buffer_full") };
  },
};

console.log(JSON.stringify(await programs[name](...tokens)));
