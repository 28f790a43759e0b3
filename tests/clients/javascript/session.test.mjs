// Many rooms at one socket, whose server is a script.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Session } from "../../../api/web/itemroom.js";
import { fate, OTHER, pass, rest, rooms as opened, Socket, settled, WELCOME } from "./scripted.mjs";

/** A session with a room for each name, and the sockets that it has opened. */
async function open(...items) {
  const sockets = [];
  function WebSocket(url, protocols) {
    sockets.push(new Socket(url, protocols));
    return sockets.at(-1);
  }
  const session = new Session("http://server/prefix/", { token: "t", inbox: "changes", WebSocket });
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
