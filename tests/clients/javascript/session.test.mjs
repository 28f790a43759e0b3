// Many rooms at one socket, whose server is a script.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Session } from "../../../api/web/itemroom.js";
import { fate, OTHER, pass, rest, rooms as opened, Socket, settled, WELCOME } from "./scripted.mjs";

/** A session with a room for each name, and the sockets that it has opened. */
async function open(...items) {
  return openAt("http://server/prefix/", {}, ...items);
}

async function openAt(url, options, ...items) {
  const sockets = [];
  function WebSocket(url, protocols) {
    sockets.push(new Socket(url, protocols));
    return sockets.at(-1);
  }
  const session = new Session(url, { token: "t", inbox: "changes", WebSocket, ...options });
  opened.push(session);
  const rooms = items.map((item) => session.room(item, { after: 0 }));
  await settled();
  return { session, sockets, rooms };
}

function hello(socket) {
  socket.open();
  socket.say("hello", { connection: "c1" });
}

function welcome(socket, item, fields = {}) {
  socket.say("welcome", { ...WELCOME, head: 0, after: 0, ...fields, item: { id: item, title: "" } });
  socket.say("live", { item, seq: 0 });
}

async function live(...items) {
  const made = await open(...items);
  hello(made.sockets[0]);
  for (const item of items) welcome(made.sockets[0], item);
  return made;
}

test("rooms join by one socket, each from its own place", async () => {
  const { sockets, rooms } = await live("a", "b");
  assert.equal(sockets.length, 1);
  assert.equal(sockets[0].url.href, "ws://server/prefix/ws");
  const joined = sockets[0].sentOf("join").map(({ item, after }) => [item, after]);
  assert.deepEqual(joined, [["a", 0], ["b", 0]]);
  sockets[0].say("message", { item: "b", seq: 1, at: "", by: OTHER, body: "x" });
  sockets[0].lose();
  await pass(500);
  hello(sockets[1]);
  assert.deepEqual(sockets[1].sentOf("join", "item").sort(), ["a", "b"]);
  assert.deepEqual(rooms.map((room) => room.state), ["connecting", "connecting"]);
});

test("the same ref in two items is two commands", async () => {
  const { sockets, rooms } = await live("a", "b");
  const fates = rooms.map((room) => fate(room.publish("x", { ref: "r" })));
  sockets[0].say("ack", { item: "b", ref: "r", seq: 7, at: "" });
  await settled();
  assert.deepEqual(fates, [{}, { value: 7 }]);
  sockets[0].say("error", { item: "a", ref: "r", code: "forbidden", message: "" });
  await settled();
  assert.deepEqual(fates, [{ code: "forbidden" }, { value: 7 }]);
});

test("what ends one room leaves the others", async () => {
  const { sockets, rooms } = await live("a", "b");
  sockets[0].say("left", { item: "a", reason: "removed", retry: "never" });
  assert.deepEqual(rooms.map((room) => room.state), ["refused", "live"]);
  assert.equal(rooms[0].error.code, "removed");
  assert.equal(sockets[0].readyState, 1);
});

test("an item that was left is joined again when the server has said so", async () => {
  const { session, sockets, rooms } = await live("a", "b");
  rooms[0].close();
  session.room("a");
  await settled();
  assert.deepEqual(sockets[0].sentOf("leave", "item"), ["a"]);
  assert.equal(sockets[0].sentOf("join").length, 2);
  sockets[0].say("left", { item: "a" });
  assert.equal(sockets[0].sentOf("join").length, 3);
});

test("many rooms are one client to a server that is down", async () => {
  let seed = 1;
  mock.method(Math, "random", () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647);
  const { sockets } = await open(...Array.from({ length: 50 }, (_, n) => `item-${n}`));
  for (let step = 0; step < 600; step++) {
    if (sockets.at(-1).readyState === 0) sockets.at(-1).lose();
    await pass(50);
  }
  assert.ok(sockets.length < 20, `${sockets.length} sockets in half a minute`);
  assert.ok(rest.asked.length <= sockets.length, `${rest.asked.length} questions`);
});

test("the item counts in what a frame may have", async () => {
  const { sockets, rooms } = await live("a");
  const [room] = rooms;
  const most = room.limits.frame_bytes;
  const frame = (text) => JSON.stringify({ type: "publish", ref: "r", body: text }).length;
  const fits = "x".repeat(most - frame(""));
  await assert.rejects(room.publish(`${fits}x`, { ref: "q" }), { code: "too_big" });
  room.publish(fits, { ref: "r" }).catch(() => {});
  const sent = sockets[0].sentOf("publish").at(-1);
  assert.equal(JSON.stringify(sent).length, WELCOME.limits.frame_bytes);
});

test("a socket that falls silent is lost for all its rooms at once", async () => {
  const { sockets, rooms } = await live("a", "b");
  await pass(20_000);
  sockets[0].say("message", { item: "b", seq: 1, at: "", by: OTHER, body: "x" });
  await pass(5_000);
  assert.equal(sockets[0].sentOf("ping").length, 1);
  await pass(9_999);
  assert.deepEqual(rooms.map((room) => room.state), ["live", "live"]);
  await pass(1);
  assert.deepEqual(rooms.map((room) => room.state), ["waiting", "waiting"]);
  assert.equal(sockets[0].readyState, 3);
  await pass(1_000);
  assert.equal(sockets.length, 2);
  hello(sockets[1]);
  assert.deepEqual(sockets[1].sentOf("join", "item").sort(), ["a", "b"]);
});

test("a room that is not welcomed leaves a socket that others are served by", async () => {
  const { sockets, rooms } = await open("a", "b");
  hello(sockets[0]);
  welcome(sockets[0], "b");
  await pass(14_000);
  sockets[0].say("message", { item: "b", seq: 1, at: "", by: OTHER, body: "x" });
  await pass(1_000);
  assert.deepEqual(rooms.map((room) => room.state), ["waiting", "live"]);
  assert.deepEqual(sockets[0].sentOf("leave", "item"), ["a"]);
  assert.equal(sockets[0].readyState, 1);
});

/** An inbox by itself, which is connected. */
async function watching() {
  const made = await open();
  const inbox = made.session.inbox;
  await settled();
  hello(made.sockets[0]);
  made.sockets[0].say("watching", { at: "now" });
  return { ...made, inbox };
}

test("an inbox finds out by itself that nobody speaks any more", async () => {
  const { sockets, inbox } = await watching();
  await pass(25_000);
  assert.equal(sockets[0].sentOf("ping").length, 1);
  sockets[0].say("pong", { head: null });
  await pass(25_000);
  assert.equal(sockets[0].sentOf("ping").length, 2);
  assert.ok(inbox.isReady);
  await pass(10_000);
  assert.deepEqual([inbox.isReady, sockets[0].readyState], [false, 3]);
  await pass(1_000);
  hello(sockets[1]);
  assert.deepEqual(sockets[1].sentOf("watch", "since"), ["now"]);
});

test("an inbox asks when the page wakes, and comes back when there is a network", async (t) => {
  const page = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"]) globalThis[name] = page[name].bind(page);
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  const { session, sockets, inbox } = await watching();
  page.dispatchEvent(new Event("pageshow"));
  assert.equal(sockets[0].sentOf("ping").length, 1);
  await pass(5_000);
  assert.deepEqual([inbox.isReady, sockets[0].readyState], [false, 3]);
  page.dispatchEvent(new Event("online"));
  await settled();
  assert.equal(sockets.length, 2);
  hello(sockets[1]);
  page.dispatchEvent(new Event("offline"));
  assert.equal(sockets[1].readyState, 3);
  session.close();
  page.dispatchEvent(new Event("online"));
  await pass(60_000);
  assert.equal(sockets.length, 2);
});

/** A server behind something that lets no socket through: an inbox, and what was asked for. */
class Behind {
  asked = [];
  items = [];
  isUp = true;

  constructor() {
    globalThis.fetch = async (url) => {
      const { pathname } = new URL(url);
      this.asked.push(pathname.split("/").at(-1));
      if (!this.isUp) throw new TypeError("fetch failed");
      if (pathname.endsWith("/tickets")) return Response.json({ ticket: "t" }, { status: 201 });
      if (pathname.endsWith("/inbox")) return Response.json({ items: this.items, next: null, at: "2026-01-31T15:00:00.000Z" });
      return new Response(new ReadableStream({}), { headers: { "Content-Type": "text/event-stream" } });
    };
  }

  has(id, fields = {}) {
    const item = { item: { id, title: "" }, role: "writer", unread: 0, active_at: "2026-01-31T14:00:00.000Z", ...fields };
    this.items = [...this.items.filter((one) => one.item.id !== id), item];
  }
}

let hosts = 0;
const elsewhere = () => `http://behind-${hosts++}/`;

/** Lose every socket that is tried, as often as that takes. */
async function loseAll(sockets, ms = 20_000) {
  for (let passed = 0; passed < ms; passed += 250) {
    if (sockets.at(-1)?.readyState === 0) sockets.at(-1).lose();
    await pass(250);
    for (let turn = 0; turn < 5; turn++) await settled();
  }
}

test("rooms of a session take events where no socket gets through", async () => {
  const behind = new Behind();
  const { sockets, rooms } = await openAt(elsewhere(), {}, "a", "b", "c");
  await loseAll(sockets);
  assert.deepEqual(rooms.map((room) => room.transport), ["events", "events", "events"]);
  const asked = behind.asked.filter((what) => what === "tickets").length;
  assert.ok(asked <= sockets.length, `${asked} questions for ${sockets.length} sockets`);
});

test("a session that shall have a socket has no other", async () => {
  const behind = new Behind();
  const { session, sockets, rooms } = await openAt(elsewhere(), { transport: "websocket" }, "a");
  session.inbox;
  await loseAll(sockets);
  assert.equal(rooms[0].transport, "websocket");
  assert.ok(!behind.asked.includes("events") && !behind.asked.includes("inbox"));
  assert.throws(() => new Session("http://server", { transport: "events", WebSocket: Socket }), TypeError);
});

test("an inbox asks every few seconds where no socket gets through", async () => {
  const behind = new Behind();
  behind.has("a");
  behind.has("b");
  const { session, sockets } = await openAt(elsewhere(), { inbox: "all" });
  const { inbox } = session;
  const heard = [];
  inbox.addEventListener("item", ({ detail }) => heard.push([detail.item.id, detail.role, detail.unread]));
  await settled();
  await loseAll(sockets);
  assert.ok(inbox.isReady);
  assert.deepEqual(heard, []);
  const tried = sockets.length;
  behind.has("a", { unread: 2 });
  await loseAll(sockets, 6_000);
  assert.deepEqual(heard.splice(0), [["a", "writer", 2]]);
  assert.equal(inbox.totals.unread, 2);
  behind.items = behind.items.slice(0, 1);
  await loseAll(sockets, 61_000);
  assert.deepEqual(heard, [["a", null, 2]]);
  assert.deepEqual([...inbox.items.keys()], ["b"]);
  assert.equal(sockets.length, tried);
  await loseAll(sockets, 300_000);
  assert.ok(sockets.length > tried, "no socket is ever tried again");
});

test("an inbox of changes begins with none, and tells what came since it was cut off", async () => {
  const behind = new Behind();
  behind.has("old");
  const { session, sockets } = await openAt(elsewhere(), {});
  const { inbox } = session;
  await settled();
  hello(sockets[0]);
  sockets[0].say("watching", { at: "2026-01-31T14:30:00.000Z" });
  behind.has("new", { active_at: "2026-01-31T14:45:00.000Z" });
  sockets[0].lose();
  await loseAll(sockets);
  assert.deepEqual([inbox.isReady, [...inbox.items.keys()]], [true, ["new"]]);
});

test("a server that is down is no reason to ask it", async () => {
  const behind = new Behind();
  behind.isUp = false;
  const { session, sockets } = await openAt(elsewhere(), {});
  session.inbox;
  await loseAll(sockets, 60_000);
  behind.isUp = true;
  const tried = sockets.length;
  for (let passed = 0; passed < 40_000 && sockets.length === tried; passed += 250) await pass(250);
  hello(sockets.at(-1));
  assert.deepEqual(sockets.at(-1).sentOf("watch").length, 1);
});
