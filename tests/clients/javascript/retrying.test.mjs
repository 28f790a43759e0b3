// When to come back, and when not to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeSocket, Scene, chance, fate, pass, settled } from "./scripted.mjs";

/** A page without an end. */
function* endless() {
  for (;;) yield "x".repeat(1000);
}

/** How long it waits after each of some losses. */
async function waitsOf(scene, rounds, before = () => {}) {
  const waits = [];
  for (let round = 0; round < rounds; round++) {
    before(scene.socket);
    scene.socket.lose();
    waits.push(scene.room.retryAt - Date.now());
    await pass(waits.at(-1));
  }
  return waits;
}

test("waits double up to half a minute", async () => {
  chance(1);
  const scene = new Scene();
  await settled();
  const waits = await waitsOf(scene, 9);
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("a wait is anything below its bound", async () => {
  chance(0.25);
  const scene = new Scene();
  await settled();
  assert.deepEqual(await waitsOf(scene, 3), [125, 250, 500]);
});

test("an open socket is no success, a welcome is", async () => {
  chance(1);
  const scene = new Scene();
  await settled();
  assert.deepEqual(await waitsOf(scene, 3, (socket) => socket.open()), [500, 1000, 2000]);
  assert.deepEqual(await waitsOf(scene, 2, (socket) => socket.welcome()), [500, 500]);
});

test("an attempt without a welcome is given up", async () => {
  const scene = new Scene();
  await settled();
  scene.socket.open();
  await pass(14_999);
  assert.equal(scene.room.state, "connecting");
  await pass(1);
  assert.equal(scene.socket.readyState, 3);
  assert.deepEqual([scene.room.state, scene.states.at(-1).reason], ["waiting", "silent"]);
});

test("later means later, and not before the server's time", async () => {
  chance(0.5);
  const scene = await Scene.live();
  scene.socket.closing("restart", "later", { code: 1012, retry_after: 7 });
  assert.equal(scene.room.retryAt - Date.now(), 7250, "its own wait comes on top");
  assert.equal(scene.states.at(-1).reason, "restart");
  assert.deepEqual([scene.room.error.code, scene.room.error.retryAfter], ["restart", 7]);
  scene.room.reconnect();
  assert.equal(scene.states.at(-1).retryAt, Date.now() + 7000);
  await pass(6999);
  assert.equal(scene.sockets.length, 1, "reconnect() obeys too");
  await pass(1);
  assert.equal(scene.sockets.length, 2);
  scene.socket.welcome();
  assert.equal(scene.room.error, null);
});

test("the closing frame is enough, whether or not the close arrives", async () => {
  const scene = await Scene.live();
  scene.socket.say("closing", { code: 1013, reason: "slow_consumer", retry: "later" });
  assert.equal(scene.room.state, "waiting");
  scene.socket.lose(1013);
  await pass(500);
  assert.equal(scene.sockets.length, 2);
});

test("never is for good: loops, commands and listeners hear the same", async () => {
  const scene = await Scene.live();
  const reading = scene.read();
  const published = fate(scene.room.publish("lost"));
  scene.socket.messages(1);
  scene.socket.closing("removed", "never", { message: "Ada removed you." });
  await settled();
  const { error } = reading;
  assert.deepEqual([error.name, error.code, error.retry], ["Refused", "removed", "never"]);
  assert.deepEqual([error.message, error.closeCode], ["Ada removed you.", 1008]);
  assert.deepEqual(reading.seqs, [1]);
  assert.equal(published.code, "removed");
  assert.deepEqual(scene.events, [["refused", error]]);
  assert.deepEqual([scene.room.state, scene.room.error], ["refused", error]);
  await pass(60_000);
  scene.room.reconnect();
  await settled();
  scene.room.close();
  assert.deepEqual([scene.sockets.length, scene.room.state], [1, "refused"]);
  await assert.rejects(scene.room.publish("late"), { code: "removed" });
  await assert.rejects(scene.room[Symbol.asyncIterator]().next(), { code: "removed" });
});

test("what was read before a refusal is still given", async () => {
  const scene = await Scene.live();
  scene.socket.messages(1, 2);
  scene.socket.closing("item_deleted", "never");
  const reading = scene.read();
  await settled();
  assert.deepEqual([reading.seqs, reading.error.code], [[1, 2], "item_deleted"]);
});

test("close codes of a faulty client are for good without a word, others are losses", async () => {
  for (const [code, reason, refused] of [
    [1002, "", "bad_framing"],
    [1003, "", "unsupported_frame"],
    [1007, "", "bad_utf8"],
    [1009, "too_big", "too_big"],
    [1000, "", null],
    [1001, "", null],
    [1006, "", null],
    [1011, "", null],
  ]) {
    const scene = await Scene.live();
    scene.socket.lose(code, reason);
    assert.equal(scene.room.error?.code ?? null, refused, `${code}`);
    assert.equal(scene.room.state, refused ? "refused" : "waiting");
  }
});

test("a handshake that HTTP refuses is judged by its status", async () => {
  for (const [status, problem, headers, state, code, wait] of [
    [429, { code: "rate_limited", retry_after: 9 }, {}, "waiting", "rate_limited", 9.5],
    [503, { code: "draining" }, { "retry-after": "4" }, "waiting", "draining", 4.5],
    [502, "<h1>Bad Gateway</h1>", {}, "waiting", "http_502", 0.5],
    [503, [], { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }, "waiting", "http_503", 0.5],
    [403, { code: "origin_denied", detail: "No." }, {}, "refused", "origin_denied", null],
    [404, "null", {}, "refused", "http_404", null],
    [403, endless(), {}, "refused", "http_403", null],
  ]) {
    chance(1);
    const scene = new Scene({}, NodeSocket);
    await settled();
    await scene.socket.deny(status, problem, headers);
    await settled();
    const { room } = scene;
    assert.deepEqual([room.state, room.error.code], [state, code]);
    assert.equal(room.retryAt === null ? null : (room.retryAt - Date.now()) / 1000, wait);
    assert.equal(scene.socket.readyState, 3);
    assert.equal(room.error.message, problem.detail ?? code);
  }
});

test("only a connection that works is closed politely: others would not answer", async () => {
  const silent = await Scene.live({}, {}, NodeSocket);
  await pass(25_000);
  await pass(10_000);
  assert.deepEqual([silent.room.state, silent.socket.isPolite], ["waiting", false]);
  const closed = await Scene.live({}, {}, NodeSocket);
  closed.room.close();
  assert.equal(closed.socket.isPolite, true);
  const refused = await Scene.live({}, {}, NodeSocket);
  refused.socket.say("closing", { code: 1012, reason: "restart", retry: "later" });
  assert.equal(refused.socket.isPolite, true);
});

test("commands are kept while the server wants us later", async () => {
  const scene = await Scene.live();
  scene.socket.closing("restart", "later", { retry_after: 1 });
  const known = fate(scene.room.publish("a"));
  await settled();
  assert.deepEqual(known, {});
});

test("a socket that cannot even be made is refused for good", async () => {
  const WebSocket = class {
    constructor() {
      throw new SyntaxError("An insecure address on a secure page.");
    }
  };
  const scene = new Scene({ WebSocket });
  await settled();
  const { code, message } = scene.room.error;
  assert.deepEqual([code, message], ["malformed", "An insecure address on a secure page."]);
});
