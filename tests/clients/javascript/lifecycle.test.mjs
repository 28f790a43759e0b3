// What a room shows of itself, and its end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Room } from "../../../api/web/itemroom.js";
import { OTHER, Scene, fate, pass, settled } from "./scripted.mjs";

test("close ends loops, refuses what is not answered, and is final", async () => {
  const scene = await Scene.live();
  const reading = scene.read();
  const waiting = fate(scene.room.publish("a"));
  scene.socket.messages(1);
  scene.room.close();
  scene.room.close();
  await settled();
  assert.deepEqual([reading.isOver, reading.error], [true, undefined]);
  assert.deepEqual([waiting.code, scene.room.state], ["closed", "closed"]);
  assert.equal(scene.socket.readyState, 3);
  assert.deepEqual(scene.states.slice(2), [{ state: "closed", reason: "closed", retryAt: null }]);
  await assert.rejects(scene.room.publish("b"), { code: "closed" });
  scene.room.signal("typing");
  scene.room.read(1);
  scene.room.reconnect();
  await pass(60_000);
  assert.equal(scene.sockets.length, 1);
  for await (const _ of scene.room) assert.fail("a closed room has no entries");
});

test("close and refusal end a loop that waits", async () => {
  for (const end of [
    ({ room }) => room.close(),
    ({ socket }) => socket.closing("removed", "never"),
  ]) {
    const scene = await Scene.live();
    const reading = scene.read();
    await settled();
    end(scene);
    await settled();
    assert.equal(reading.isOver, true);
  }
});

test("close leaves out what was not read", async () => {
  const scene = await Scene.live();
  scene.socket.messages(1, 5);
  const seqs = [];
  for await (const entry of scene.room) {
    seqs.push(entry.seq);
    scene.room.close();
  }
  assert.deepEqual(seqs, [1]);
});

test("close works at every stage", async () => {
  const early = new Scene();
  early.room.close();
  await settled();
  assert.equal(early.sockets.length, 0);
  const waiting = await Scene.live();
  waiting.socket.lose();
  waiting.room.close();
  await pass(60_000);
  assert.equal(waiting.sockets.length, 1);
  const welcomed = new Scene({ after: 3 });
  welcomed.room.addEventListener("welcome", () => welcomed.room.close());
  await settled();
  welcomed.socket.welcome({ recovered: false, after: 0 });
  assert.deepEqual([welcomed.room.state, welcomed.events], ["closed", []]);
});

test("what the welcome says is there, and kept current", async () => {
  const scene = new Scene();
  const { room } = scene;
  assert.deepEqual(
    [room.you, room.item, room.limits, room.epoch, room.seq, room.head, room.presence],
    [null, { id: "room", title: null }, null, null, 0, 0, { count: 0, users: [] }],
  );
  await settled();
  scene.socket.welcome({ after: 3, head: 7, oldest: 2 });
  assert.deepEqual([room.head, room.oldest, room.seq, room.epoch], [7, 2, 3, "e1"]);
  assert.deepEqual([room.you.name, room.item.title, room.limits.in_flight], ["Ada", "Room", 256]);
  scene.socket.say("role", { role: "reader" });
  scene.socket.say("item", { seq: 4, at: "", by: OTHER, title: "New" });
  scene.socket.say("item", { seq: 5, at: "", by: OTHER, default_role: "reader" });
  scene.socket.live(9);
  assert.deepEqual([room.you.role, room.item.title, room.head], ["reader", "New", 9]);
});

test("presence is one list, whoever comes and goes", async () => {
  const scene = await Scene.live();
  const seen = [];
  scene.room.addEventListener("presence", ({ detail }) => seen.push(detail.count));
  const ids = () => scene.room.presence.users.map(({ id }) => id);
  scene.socket.say("presence", { count: 2, join: [OTHER], leave: [] });
  scene.socket.say("presence", { count: 2, join: [OTHER], leave: [] });
  assert.deepEqual(ids(), ["u-ada", "u-bob"]);
  scene.socket.say("presence", { count: 1, join: [], leave: [{ id: "u-ada", name: "Ada" }] });
  assert.deepEqual(ids(), ["u-bob"]);
  scene.socket.say("presence", { count: 1, users: [{ id: "u-eve", name: "Eve" }] });
  assert.deepEqual([ids(), seen], [["u-eve"], [2, 2, 1, 1]]);
});

test("a crowd is only counted, and asked for when it has shrunk", async () => {
  const scene = await Scene.live();
  scene.socket.say("presence", { count: 201 });
  assert.deepEqual(scene.room.presence, { count: 201, users: [] });
  assert.deepEqual(scene.socket.sent, []);
  scene.socket.say("presence", { count: 200, join: [], leave: [OTHER] });
  scene.socket.say("presence", { count: 199, join: [], leave: [OTHER] });
  assert.deepEqual(scene.socket.sent, [{ type: "presence" }]);
});

test("what others do comes as events", async () => {
  const scene = await Scene.live();
  const seen = [];
  for (const type of ["signal", "read", "role", "expiring", "live", "welcome"]) {
    scene.room.addEventListener(type, ({ detail }) => seen.push(detail.type));
  }
  scene.socket.say("signal", { name: "typing", by: OTHER, body: true });
  scene.socket.say("read", { by: OTHER, seq: 1 });
  scene.socket.say("role", { role: "reader" });
  scene.socket.say("expiring", { in: 30 });
  await scene.reconnected();
  assert.deepEqual(seen, ["signal", "read", "role", "expiring", "welcome", "live"]);
});

test("addresses of every kind lead to the room", async () => {
  globalThis.location = { href: "https://page.example/path/index.html?x" };
  try {
    for (const [url, address] of [
      ["http://h:8000", "ws://h:8000/items/a:b.c/ws"],
      ["https://h/pre/?q#f", "wss://h/pre/items/a:b.c/ws"],
      ["wss://h", "wss://h/items/a:b.c/ws"],
      [new URL("ws://h"), "ws://h/items/a:b.c/ws"],
      ["/", "wss://page.example/items/a:b.c/ws"],
    ]) {
      const urls = [];
      const WebSocket = class {
        constructor(url) {
          urls.push(url);
        }
        close() {}
      };
      const room = new Room(url, { item: "a:b.c", WebSocket });
      await settled();
      room.close();
      assert.deepEqual(urls, [address]);
    }
  } finally {
    delete globalThis.location;
  }
});

test("options that cannot work are refused at once", () => {
  const { WebSocket } = globalThis;
  class None {}
  const make = (url, options) => () => new Room(url, { item: "room", WebSocket: None, ...options });
  assert.throws(make("http://h", { item: "a/b" }), TypeError);
  assert.throws(make("http://h", { item: undefined }), TypeError);
  assert.throws(make("ftp://h"), TypeError);
  assert.throws(make("nowhere"), TypeError);
  assert.throws(make("http://h", { token: "a", ticket: "b" }), TypeError);
  delete globalThis.WebSocket;
  try {
    assert.throws(make("http://h", { WebSocket: undefined }), /hand one in/);
  } finally {
    globalThis.WebSocket = WebSocket;
  }
});
