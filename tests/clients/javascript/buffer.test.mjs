// An application that is slower than the server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Scene, fate, pass, settled } from "./scripted.mjs";

/** Take some entries. */
async function take(room, count) {
  const seqs = [];
  const iterator = room[Symbol.asyncIterator]();
  while (seqs.length < count) seqs.push((await iterator.next()).value.seq);
  return seqs;
}

test("a full buffer drops the connection, and reading takes it up again", async () => {
  const scene = await Scene.live({ buffer: 4 });
  scene.socket.messages(1, 9);
  assert.equal(scene.socket.readyState, 3);
  assert.deepEqual([scene.room.state, scene.room.retryAt], ["waiting", null]);
  assert.equal(scene.states.at(-1).reason, "buffer_full");
  await pass(60_000);
  assert.equal(scene.sockets.length, 1);
  assert.deepEqual(await take(scene.room, 1), [1]);
  assert.equal(scene.sockets.length, 1);
  assert.deepEqual(await take(scene.room, 1), [2]);
  await settled();
  assert.equal(scene.sockets.length, 2, "half of it is free");
  assert.deepEqual(scene.socket.query, { after: "4", epoch: "e1" });
  scene.socket.welcome();
  scene.socket.messages(5, 6);
  assert.deepEqual(await take(scene.room, 4), [3, 4, 5, 6]);
});

test("commands go on while the buffer is full", async () => {
  const scene = await Scene.live({ buffer: 2 });
  const early = fate(scene.room.publish("early", { ref: "r1" }));
  scene.socket.messages(1, 3);
  await settled();
  assert.deepEqual(scene.socket.query, { tail: "0" }, "no replay that nobody has room for");
  scene.socket.welcome({ after: 3 });
  scene.socket.live(3);
  assert.deepEqual(scene.socket.sentOf("publish", "ref"), ["r1"]);
  scene.socket.say("ack", { ref: "r1", seq: 4, at: "" });
  scene.socket.messages(4, 5);
  await settled();
  assert.deepEqual([early, scene.room.head, scene.room.seq], [{ value: 4 }, 5, 0]);
  assert.deepEqual(await take(scene.room, 1), [1]);
  await settled();
  assert.deepEqual(scene.socket.query, { after: "2", epoch: "e1" });
  scene.socket.welcome();
  scene.socket.messages(3, 3);
  assert.deepEqual(await take(scene.room, 2), [2, 3]);
});

test("whoever reads on while being told that there is room misses nothing", async () => {
  const scene = await Scene.live({ buffer: 4 });
  scene.socket.messages(1, 9);
  const iterator = scene.room[Symbol.asyncIterator]();
  const seqs = {};
  const next = (name) => iterator.next().then(({ value }) => (seqs[name] = value.seq));
  scene.room.addEventListener("state", () => next("third"), { once: true });
  await Promise.all([next("first"), next("second")]);
  assert.deepEqual(seqs, { first: 1, second: 2, third: 3 });
});

test("a command wakes a connection that was given up", async () => {
  const scene = await Scene.live({ buffer: 1 });
  scene.socket.messages(1, 2);
  const known = fate(scene.room.publish("x", { ref: "r1" }));
  await settled();
  assert.equal(scene.sockets.length, 2);
  scene.socket.lose();
  assert.notEqual(scene.room.retryAt, null, "and keeps it until there is an answer");
  await pass(500);
  scene.socket.welcome();
  scene.socket.say("ack", { ref: "r1", seq: 3, at: "" });
  scene.socket.lose();
  await settled();
  assert.deepEqual([known, scene.room.retryAt], [{ value: 3 }, null]);
});

test("the server's time to come back is obeyed with a full buffer too", async () => {
  const scene = await Scene.live({ buffer: 1 });
  scene.socket.messages(1, 2);
  scene.room.publish("x").catch(() => {});
  await settled();
  scene.socket.closing("restart", "later", { retry_after: 5 });
  await take(scene.room, 1);
  await pass(4_999);
  assert.equal(scene.sockets.length, 2);
  await pass(501);
  assert.equal(scene.sockets.length, 3);
});

test("who only listens is never held up", async () => {
  const scene = new Scene({ buffer: 2 });
  const heard = [];
  scene.room.addEventListener("entry", ({ detail }) => heard.push(detail.seq));
  await settled();
  scene.socket.welcome();
  scene.socket.messages(1, 9);
  assert.equal(heard.length, 9);
  assert.deepEqual([scene.sockets.length, scene.room.seq], [1, 9]);
});

test("a room that nobody iterates need not keep anything", async () => {
  const scene = await Scene.live({ buffer: 0 });
  scene.socket.messages(1, 9);
  assert.deepEqual([scene.sockets.length, scene.room.seq], [1, 9]);
});

test("who listens and iterates gets everything twice: once by each", async () => {
  const scene = await Scene.live({ buffer: 2 });
  const heard = [];
  scene.room.addEventListener("entry", ({ detail }) => heard.push(detail.seq));
  const { seqs } = scene.read();
  for (let seq = 1; seq <= 5; seq++) {
    scene.socket.messages(seq);
    await settled();
  }
  assert.deepEqual([heard, seqs], [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]);
});

test("a loop that begins after listening begins with what comes then", async () => {
  const scene = await Scene.live();
  scene.socket.messages(1, 2);
  scene.room.addEventListener("entry", () => {});
  assert.equal(scene.room.seq, 2);
  scene.socket.messages(3);
  const { seqs } = scene.read();
  scene.socket.messages(4, 6);
  await settled();
  assert.deepEqual(seqs, [4, 5, 6]);
});

test("ten thousand entries are read as fast as one after the other", async () => {
  const scene = await Scene.live();
  scene.socket.messages(1, 10_000);
  assert.equal(scene.room.state, "live");
  const seqs = await take(scene.room, 10_000);
  assert.deepEqual([seqs[0], seqs.at(-1), new Set(seqs).size], [1, 10_000, 10_000]);
});
