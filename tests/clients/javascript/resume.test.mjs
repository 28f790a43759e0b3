// Every entry once and in order, whatever happens to the connections.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene, chance, pass, settled } from "./scripted.mjs";

test("the first connection begins where the options say", async () => {
  for (const [options, query] of [
    [{}, {}],
    [{ tail: 0 }, { tail: "0" }],
    [{ after: 0 }, { after: "0" }],
    [{ after: 7, epoch: "e1", tail: 3 }, { after: "7", epoch: "e1" }],
  ]) {
    const scene = new Scene(options);
    await settled();
    assert.deepEqual(scene.socket.query, query);
    assert.equal(scene.socket.url.href.split("?")[0], "ws://server/prefix/items/room/ws");
  }
});

test("a first attempt that fails is repeated with the same beginning", async () => {
  const scene = new Scene({ after: 7, epoch: "e1" });
  await settled();
  scene.socket.lose();
  await pass(500);
  assert.deepEqual(scene.socket.query, { after: "7", epoch: "e1" });
});

test("the place given is the place until there is another", async () => {
  const scene = new Scene({ after: 7, epoch: "e1" });
  assert.deepEqual([scene.room.seq, scene.room.epoch], [7, "e1"]);
  const bare = await Scene.live({ after: 7 });
  assert.deepEqual([bare.room.seq, bare.room.epoch], [7, "e1"]);
});

test("a lost connection is taken up after the last entry", async () => {
  const scene = await Scene.live({}, { after: 4 });
  const { seqs } = scene.read();
  scene.socket.messages(5, 6);
  scene.socket.lose();
  await pass(500);
  assert.deepEqual(scene.socket.query, { after: "6", epoch: "e1" });
  scene.socket.welcome();
  scene.socket.messages(7);
  await settled();
  assert.deepEqual(seqs, [5, 6, 7]);
});

test("states tell the way from connecting to live and back", async () => {
  chance(1);
  const scene = new Scene();
  assert.equal(scene.room.state, "connecting");
  await settled();
  scene.socket.welcome();
  assert.equal(scene.room.state, "resuming");
  scene.socket.live();
  scene.socket.lose();
  const retryAt = Date.now() + 500;
  assert.equal(scene.room.retryAt, retryAt);
  await pass(500);
  scene.socket.welcome();
  scene.socket.live();
  assert.deepEqual(scene.states, [
    { state: "resuming", reason: null, retryAt: null },
    { state: "live", reason: null, retryAt: null },
    { state: "waiting", reason: "lost", retryAt },
    { state: "connecting", reason: "lost", retryAt: null },
    { state: "resuming", reason: null, retryAt: null },
    { state: "live", reason: null, retryAt: null },
  ]);
});

test("entries that come again are dropped", async () => {
  const scene = await Scene.live();
  const heard = [];
  scene.room.addEventListener("entry", ({ detail }) => heard.push(detail.seq));
  scene.socket.messages(1, 3);
  scene.socket.messages(1, 4);
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test("a hole drops the connection, and what is missing comes first", async () => {
  const scene = await Scene.live();
  const { seqs } = scene.read();
  scene.socket.messages(1, 2);
  const torn = scene.socket;
  torn.messages(4);
  assert.equal(torn.readyState, 3);
  torn.messages(3);
  await pass(500);
  assert.deepEqual(scene.socket.query, { after: "2", epoch: "e1" });
  scene.socket.welcome();
  scene.socket.messages(3, 4);
  await settled();
  assert.deepEqual(seqs, [1, 2, 3, 4]);
});

test("replay that ends before its end is a hole", async () => {
  const scene = new Scene({ after: 2, epoch: "e1" });
  await settled();
  scene.socket.welcome();
  scene.socket.messages(3);
  scene.socket.live(4);
  assert.deepEqual([scene.room.state, scene.states.at(-1).reason], ["waiting", "hole"]);
  await pass(500);
  assert.deepEqual(scene.socket.query, { after: "3", epoch: "e1" });
});

test("an attempt that reaches nobody says so", async () => {
  const scene = new Scene();
  await settled();
  scene.socket.lose();
  assert.equal(scene.states.at(-1).reason, "unreachable");
});

test("a server that leaves the same hole again is asked ever more rarely", async () => {
  chance(1);
  const scene = await Scene.live();
  const waits = [];
  for (let round = 0; round < 4; round++) {
    scene.socket.messages(2);
    waits.push(scene.room.retryAt - Date.now());
    await pass(waits.at(-1));
    scene.socket.welcome();
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000]);
  scene.socket.messages(1);
  scene.socket.messages(3);
  assert.equal(scene.room.retryAt - Date.now(), 500, "what came was right, for once");
});

test("a frame that is no JSON drops the connection", async () => {
  const scene = await Scene.live();
  scene.socket.onmessage({ data: '{"type":"mess' });
  assert.equal(scene.room.state, "waiting");
  assert.equal(scene.states.at(-1).reason, "garbled");
});

test("frames and fields that are not known are passed over", async () => {
  const scene = await Scene.live();
  scene.socket.say("weather", { seq: 9 });
  scene.socket.message(1, { weather: "fine" });
  assert.equal(scene.room.seq, 0);
  assert.equal(scene.room.state, "live");
});

test("a log that does not go on is told in its place between the entries", async () => {
  const scene = await Scene.live({ after: 2, epoch: "e1" });
  scene.socket.messages(3, 4);
  await scene.reconnected({ epoch: "e2", recovered: false, after: 0, oldest: 1, head: 1 });
  scene.socket.messages(1);
  const { room, events } = scene;
  const places = [[room.seq, room.epoch]];
  for await (const entry of room) {
    places.push([entry.seq, room.seq, room.epoch, events.length]);
    if (places.length === 4) break;
  }
  assert.deepEqual(places, [[2, "e1"], [3, 3, "e1", 0], [4, 4, "e1", 0], [1, 1, "e2", 1]]);
  assert.deepEqual(events, [["gap", { after: 0, oldest: 1, epoch: "e2" }]]);
  scene.socket.lose();
  await pass(500);
  assert.deepEqual(scene.socket.query, { after: "1", epoch: "e2" });
});

test("a loop that waits is told of a gap at once", async () => {
  const scene = await Scene.live({}, { after: 5 });
  scene.read();
  await scene.reconnected({ recovered: false, after: 8, oldest: 9 });
  assert.deepEqual(scene.events, [["gap", { after: 8, oldest: 9, epoch: "e1" }]]);
  assert.equal(scene.room.seq, 8);
});

test("a welcome that begins too late is a gap, whatever it says", async () => {
  const scene = await Scene.live({ after: 5, epoch: "e1" }, { after: 6 });
  scene.read();
  await settled();
  assert.deepEqual(scene.events, [["gap", { after: 6, oldest: 1, epoch: "e1" }]]);
});

test("the place to resume at is what the loop was given, not what has come", async () => {
  const scene = await Scene.live({}, { after: 1 });
  scene.socket.messages(2, 5);
  assert.equal(scene.room.seq, 1);
  assert.equal(scene.room.epoch, "e1");
  for await (const entry of scene.room) {
    assert.equal(scene.room.seq, entry.seq);
    if (entry.seq === 3) break;
  }
  assert.equal(scene.room.seq, 3);
  for await (const entry of scene.room) {
    assert.equal(entry.seq, 4, "another loop goes on where the last one ended");
    break;
  }
});

test("reconnect drops the connection and is back at once", async () => {
  const scene = await Scene.live();
  scene.socket.messages(1);
  const dropped = scene.socket;
  scene.room.reconnect();
  await settled();
  assert.equal(dropped.readyState, 3);
  assert.deepEqual(scene.socket.query, { after: "1", epoch: "e1" });
});
