// Connections that are dead without anybody having said so, and tabs that wake.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Scene, fate, pass, setClock, settled } from "./scripted.mjs";

const page = { visibilityState: "visible" };
/** Types of events that a room waits for. */
const listening = new Set();

beforeEach(() => {
  Object.assign(globalThis, listenable());
  globalThis.document = Object.assign(page, listenable());
});
afterEach(() => {
  delete globalThis.addEventListener;
  delete globalThis.removeEventListener;
  delete globalThis.document;
});

function listenable() {
  const target = new EventTarget();
  return {
    addEventListener: (type, listener) => {
      listening.add(type);
      target.addEventListener(type, listener);
    },
    removeEventListener: (type, listener) => {
      listening.delete(type);
      target.removeEventListener(type, listener);
    },
    dispatchEvent: target.dispatchEvent.bind(target),
  };
}

const WAKING = {
  online: () => globalThis.dispatchEvent(new Event("online")),
  pageshow: () => globalThis.dispatchEvent(new Event("pageshow")),
  visible: () => {
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
  },
};

test("silence is asked, and ended when nothing answers", async () => {
  const scene = await Scene.live();
  await pass(24_999);
  assert.deepEqual(scene.socket.sent, []);
  await pass(1);
  assert.deepEqual(scene.socket.sent, [{ type: "ping" }]);
  await pass(9_999);
  assert.equal(scene.room.state, "live");
  await pass(1);
  assert.deepEqual([scene.room.state, scene.states.at(-1).reason], ["waiting", "silent"]);
  assert.equal(scene.socket.readyState, 3);
});

test("a clock that is set delays nothing, and ends nothing", async () => {
  const scene = await Scene.live();
  for (const ms of [-7_200_000, 14_400_000]) {
    await pass(20_000);
    setClock(ms);
    assert.equal(scene.room.state, "live");
    await pass(5_000);
    assert.deepEqual(scene.socket.sent.pop(), { type: "ping" });
    scene.socket.say("pong", { head: 0 });
    await settled();
  }
  setClock(-7_200_000);
  await pass(25_000);
  await pass(10_000);
  assert.equal(scene.states.at(-1).reason, "silent");
  const { socket } = scene;
  await pass(35_000);
  assert.notEqual(scene.socket, socket, "it has tried again");
});

test("silence is noticed within five seconds while a command waits for its answer", async () => {
  const scene = await Scene.live();
  await pass(20_000);
  scene.room.publish("hello").catch(() => {});
  await pass(2_399);
  assert.deepEqual(scene.socket.sentOf("ping"), []);
  await pass(1);
  assert.equal(scene.socket.sentOf("ping").length, 1);
  await pass(2_500);
  assert.deepEqual([scene.room.state, scene.states.at(-1).reason], ["waiting", "silent"]);
});

test("a command that follows another does not put off the question", async () => {
  const scene = await Scene.live();
  for (let turn = 0; turn < 3; turn++) {
    scene.room.publish(turn).catch(() => {});
    await pass(1_000);
  }
  assert.equal(scene.socket.sentOf("ping").length, 1);
});

test("a slow disk is no silence: who answers pings is waited for", async () => {
  const scene = await Scene.live();
  const stored = fate(scene.room.publish("hello", { ref: "r1" }));
  for (let round = 1; round <= 8; round++) {
    await pass(2_400);
    assert.equal(scene.socket.sentOf("ping").length, round);
    scene.socket.say("pong", { head: 0 });
  }
  scene.socket.say("ack", { ref: "r1", seq: 1, at: "" });
  await pass(22_599);
  assert.deepEqual([scene.room.state, stored.value], ["live", 1]);
  assert.equal(scene.socket.sentOf("ping").length, 8, "nobody waits any more");
  await pass(2_401);
  assert.equal(scene.socket.sentOf("ping").length, 9);
});

test("what others say while a command waits is a sign of life, and the next silence is seen", async () => {
  const scene = await Scene.live();
  scene.room.publish("hello").catch(() => {});
  await pass(2_000);
  scene.socket.message(1);
  await pass(2_399);
  assert.deepEqual(scene.socket.sentOf("ping"), []);
  await pass(1);
  assert.equal(scene.socket.sentOf("ping").length, 1);
  await pass(2_500);
  assert.equal(scene.room.state, "waiting");
});

test("a long message has the time that a slow network takes for it", async () => {
  const scene = await Scene.live();
  scene.room.publish("x".repeat(16_000)).catch(() => {});
  await pass(2_400);
  await pass(6_400);
  assert.equal(scene.room.state, "live");
  await pass(200);
  assert.equal(scene.room.state, "waiting");
});

test("a network that goes takes the connection with it at once", async () => {
  const scene = await Scene.live();
  globalThis.dispatchEvent(new Event("offline"));
  assert.deepEqual([scene.room.state, scene.states.at(-1).reason], ["waiting", "offline"]);
  assert.equal(scene.socket.readyState, 3);
  globalThis.dispatchEvent(new Event("offline"));
  WAKING.online();
  await settled();
  assert.equal(scene.sockets.length, 2);
});

test("an answer is good for the next while", async () => {
  const scene = await Scene.live();
  for (let round = 1; round <= 3; round++) {
    await pass(25_000);
    assert.equal(scene.socket.sentOf("ping").length, round);
    await pass(5_000);
    scene.socket.say("pong", { head: round });
  }
  assert.deepEqual([scene.room.state, scene.room.head], ["live", 3]);
});

test("whatever comes is a sign of life", async () => {
  const scene = await Scene.live();
  for (let seq = 1; seq <= 6; seq++) {
    await pass(20_000);
    scene.socket.message(seq);
  }
  assert.deepEqual(scene.socket.sent, []);
  await pass(25_000);
  assert.deepEqual(scene.socket.sent, [{ type: "ping" }]);
});

test("a room that wakes looks whether its connection does", async () => {
  for (const wake of Object.values(WAKING)) {
    const scene = await Scene.live();
    wake();
    assert.deepEqual(scene.socket.sent, [{ type: "ping" }]);
    await pass(4_999);
    assert.equal(scene.room.state, "live");
    await pass(1);
    assert.equal(scene.room.state, "waiting");
  }
});

test("an answer to a room that woke answers every earlier question", async () => {
  const scene = await Scene.live();
  await pass(25_000);
  await pass(1_000);
  WAKING.online();
  await pass(1_000);
  scene.socket.say("pong", { head: 0 });
  await pass(24_000);
  assert.deepEqual([scene.room.state, scene.socket.sent.length], ["live", 2]);
  WAKING.online();
  scene.socket.say("pong", { head: 0 });
  await pass(24_999);
  assert.equal(scene.socket.sent.length, 3);
});

test("a room that wakes does not wait on", async () => {
  for (const wake of Object.values(WAKING)) {
    const scene = new Scene();
    await settled();
    for (let round = 0; round < 8; round++) {
      scene.socket.lose();
      await pass(30_000);
    }
    scene.socket.lose();
    const attempts = scene.sockets.length;
    wake();
    await settled();
    assert.equal(scene.sockets.length, attempts + 1);
    await pass(14_000);
    assert.equal(scene.sockets.length, attempts + 1, "the wait itself is over");
  }
});

test("a room that wakes obeys the time that the server gave", async () => {
  const scene = await Scene.live();
  scene.socket.closing("restart", "later", { retry_after: 3 });
  WAKING.online();
  await pass(2_999);
  assert.equal(scene.sockets.length, 1);
  await pass(501);
  assert.equal(scene.sockets.length, 2);
});

test("a tab that is hidden wakes nothing", async () => {
  const scene = await Scene.live();
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  assert.deepEqual(scene.socket.sent, []);
});

test("a connection that is being made is left to its own deadline", async () => {
  const scene = new Scene();
  await settled();
  WAKING.online();
  await pass(6_000);
  assert.deepEqual([scene.room.state, scene.sockets.length], ["connecting", 1]);
  scene.socket.welcome();
  await scene.socket.lose();
  await pass(500);
  WAKING.online();
  await pass(6_000);
  assert.deepEqual([scene.room.state, scene.sockets.length], ["connecting", 2]);
});

test("a closed room does not wake", async () => {
  const scene = await Scene.live();
  assert.deepEqual([...listening].sort(), ["offline", "online", "pageshow", "visibilitychange"]);
  scene.room.close();
  assert.deepEqual([...listening], []);
  for (const wake of Object.values(WAKING)) wake();
  await pass(60_000);
  assert.deepEqual([scene.sockets.length, scene.socket.sent], [1, []]);
});
