// Commands: in order, once, until stored or refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ME, OTHER, Scene, fate, pass, settled } from "./scripted.mjs";

/** Acks for all that a connection was sent, from a seq on. */
function ackAll(socket, seq) {
  for (const { ref } of socket.sentOf("publish")) socket.say("ack", { ref, seq: seq++, at: "" });
}

test("each kind of command resolves with the seq of its ack", async () => {
  const scene = await Scene.live();
  const { room, socket } = scene;
  const fates = [
    room.publish({ text: "hi" }, { ref: "r1" }),
    room.edit(1, "ho", { ref: "r2" }),
    room.delete(2, { ref: "r3" }),
    room.react(3, "👍", undefined, { ref: "r4" }),
    room.react(3, "👍", false, { ref: "r5" }),
  ].map(fate);
  assert.deepEqual(socket.sent, [
    { type: "publish", ref: "r1", body: { text: "hi" } },
    { type: "edit", ref: "r2", target: 1, body: "ho" },
    { type: "delete", ref: "r3", target: 2 },
    { type: "react", ref: "r4", target: 3, value: "👍", on: true },
    { type: "react", ref: "r5", target: 3, value: "👍", on: false },
  ]);
  for (let n = 5; n >= 1; n--) socket.say("ack", { ref: `r${n}`, seq: 10 + n, at: "" });
  await settled();
  assert.deepEqual(fates, [11, 12, 13, 14, 15].map((value) => ({ value })));
});

test("refs of its own are 128 random bits", async () => {
  const scene = await Scene.live();
  for (let n = 0; n < 3; n++) scene.room.publish(n).catch(() => {});
  const refs = scene.socket.sentOf("publish", "ref");
  for (const ref of refs) assert.match(ref, /^[0-9a-f]{32}$/);
  assert.equal(new Set(refs).size, 3);
});

test("what has no ack when the connection is lost is sent again, in order", async () => {
  const scene = await Scene.live();
  const fates = ["a", "b", "c"].map((ref) => fate(scene.room.publish(ref, { ref })));
  scene.socket.say("ack", { ref: "b", seq: 2, at: "" });
  scene.socket.lose();
  fates.push(fate(scene.room.publish("d", { ref: "d" })));
  await pass(500);
  scene.socket.open();
  assert.deepEqual(scene.socket.sent, [], "not before the welcome");
  scene.socket.welcome();
  assert.deepEqual(scene.socket.sentOf("publish", "ref"), ["a", "c", "d"]);
  ackAll(scene.socket, 5);
  await settled();
  assert.deepEqual(fates.map(({ value }) => value), [5, 2, 6, 7]);
});

test("what was given before the first connection is sent on it", async () => {
  const scene = new Scene();
  scene.room.publish("early").catch(() => {});
  await settled();
  scene.socket.welcome();
  assert.deepEqual(scene.socket.sentOf("publish", "body"), ["early"]);
});

test("the body is taken as it is when it is given", async () => {
  const scene = new Scene();
  const body = { n: 1 };
  scene.room.publish(body).catch(() => {});
  body.n = 2;
  await settled();
  scene.socket.welcome();
  assert.deepEqual(scene.socket.sentOf("publish", "body"), [{ n: 1 }]);
});

test("no more are under way than half of what the server lets wait", async () => {
  const scene = await Scene.live({}, { limits: { in_flight: 4 } });
  for (let n = 0; n < 5; n++) scene.room.publish(n, { ref: `r${n}` }).catch(() => {});
  const sent = () => scene.socket.sentOf("publish", "body");
  assert.deepEqual(sent(), [0, 1]);
  scene.socket.say("ack", { ref: "r0", seq: 1, at: "" });
  assert.deepEqual(sent(), [0, 1, 2]);
  scene.socket.say("error", { ref: "r1", code: "forbidden", message: "No." });
  assert.deepEqual(sent(), [0, 1, 2, 3]);
  await scene.reconnected({ limits: { in_flight: 4 } });
  assert.deepEqual(sent(), [2, 3]);
  scene.socket.message(1, { by: ME, ref: "r2", body: 2 });
  assert.deepEqual(sent(), [2, 3, 4]);
});

test("commands keep to the server's rate, afresh on each connection", async () => {
  const limits = { publish_rate: 10, publish_burst: 2 };
  const scene = await Scene.live({}, { limits });
  for (let n = 0; n < 9; n++) scene.room.publish(n).catch(() => {});
  const sent = () => scene.socket.sentOf("publish").length;
  assert.equal(sent(), 2);
  ackAll(scene.socket, 1);
  await pass(99);
  assert.equal(sent(), 2);
  await pass(1);
  assert.equal(sent(), 3);
  ackAll(scene.socket, 1);
  for (let n = 0; n < 10; n++) await pass(10);
  assert.equal(sent(), 4);
  await scene.reconnected({ limits });
  assert.equal(sent(), 2);
});

test("what the rate might forbid is sent alone, so that nothing overtakes it", async () => {
  const scene = await Scene.live({}, { limits: { publish_rate: 10, publish_burst: 4 } });
  for (let n = 0; n < 12; n++) scene.room.publish(n, { ref: `r${n}` }).catch(() => {});
  const sent = () => scene.socket.sentOf("publish").length;
  assert.equal(sent(), 4, "the server's bucket is full");
  await pass(100);
  assert.equal(sent(), 4, "what came before is not answered");
  for (const n of [0, 1, 2]) scene.socket.say("ack", { ref: `r${n}`, seq: n + 1, at: "" });
  assert.equal(sent(), 4);
  scene.socket.say("ack", { ref: "r3", seq: 4, at: "" });
  assert.equal(sent(), 5);
  await pass(400);
  scene.socket.say("ack", { ref: "r4", seq: 5, at: "" });
  assert.equal(sent(), 7, "while more than half of it was saved, several go at once");
  await pass(400);
  scene.room.publish("and more").catch(() => {});
  assert.equal(sent(), 9);
});

test("a command that comes too early for the server is repeated in its place", async () => {
  for (const code of ["rate_limited", "busy", "draining"]) {
    const scene = await Scene.live({}, { limits: { in_flight: 4 } });
    const fates = ["a", "b", "c"].map((ref) => fate(scene.room.publish(ref, { ref })));
    scene.socket.say("error", { ref: "a", code, message: "", retry_after: 2 });
    const sent = () => scene.socket.sentOf("publish", "ref");
    scene.socket.say("ack", { ref: "b", seq: 1, at: "" });
    await pass(1999);
    assert.deepEqual(sent(), ["a", "b"], "later ones wait behind");
    await pass(1);
    assert.deepEqual(sent(), ["a", "b", "a"], "it may be refused again");
    scene.socket.say("ack", { ref: "a", seq: 2, at: "" });
    assert.deepEqual(sent(), ["a", "b", "a", "c"]);
    scene.socket.say("ack", { ref: "c", seq: 3, at: "" });
    await settled();
    assert.deepEqual(fates, [{ value: 2 }, { value: 1 }, { value: 3 }]);
    for (const ref of ["d", "e"]) scene.room.publish(ref, { ref }).catch(() => {});
    assert.equal(sent().length, 6, "all is well again");
  }
});

test("after a refusal for the rate the server's bucket is taken to be empty", async () => {
  const scene = await Scene.live({}, { limits: { publish_rate: 10, publish_burst: 5 } });
  scene.room.publish("a", { ref: "a" }).catch(() => {});
  scene.room.publish("b", { ref: "b" }).catch(() => {});
  await pass(300);
  scene.socket.say("error", { ref: "a", code: "rate_limited", message: "", retry_after: 0.02 });
  scene.socket.say("ack", { ref: "b", seq: 1, at: "" });
  for (let n = 0; n < 9; n++) await pass(11);
  assert.equal(scene.socket.sent.length, 2);
  await pass(11);
  assert.equal(scene.socket.sent.length, 3);
});

test("a refusal that does not say when is repeated after a second", async () => {
  const scene = await Scene.live();
  scene.room.publish("a", { ref: "a" }).catch(() => {});
  scene.socket.say("error", { ref: "a", code: "busy", message: "" });
  await pass(1000);
  assert.deepEqual(scene.socket.sentOf("publish", "ref"), ["a", "a"]);
});

test("the longest wait counts, and a new connection waits for none", async () => {
  const scene = await Scene.live();
  for (const ref of ["a", "b"]) scene.room.publish(ref, { ref }).catch(() => {});
  scene.socket.say("error", { ref: "a", code: "busy", message: "", retry_after: 1 });
  scene.socket.say("error", { ref: "b", code: "busy", message: "", retry_after: 3 });
  await pass(2_999);
  assert.equal(scene.socket.sent.length, 2);
  await pass(1);
  assert.equal(scene.socket.sent.length, 3);
  scene.socket.say("error", { ref: "a", code: "busy", message: "", retry_after: 60 });
  await scene.reconnected();
  assert.deepEqual(scene.socket.sentOf("publish", "ref"), ["a", "b"]);
});

test("a connection that a listener drops at once takes no command with it", async () => {
  const scene = new Scene();
  scene.room.publish("a").catch(() => {});
  scene.room.addEventListener("welcome", () => scene.room.reconnect(), { once: true });
  await settled();
  scene.socket.welcome();
  await settled();
  scene.socket.welcome();
  assert.deepEqual(scene.sockets.map((socket) => socket.sentOf("publish").length), [0, 1]);
});

test("any other refusal is the command's answer", async () => {
  const scene = await Scene.live();
  const answer = scene.room.publish("a", { ref: "a" });
  const error = { ref: "a", code: "storage_full", message: "The disk is full.", retry_after: 5 };
  scene.socket.say("error", error);
  await assert.rejects(answer, {
    name: "Refused",
    code: "storage_full",
    message: "The disk is full.",
    retryAfter: 5,
  });
  assert.deepEqual(scene.events, []);
});

test("an error that belongs to no command is an event", async () => {
  const scene = await Scene.live();
  scene.socket.say("error", { code: "forbidden", message: "No." });
  scene.socket.say("error", { code: "busy", message: "", ref: "long gone", retry_after: 1 });
  const told = scene.events.map(([type, { code, retry }]) => [type, code, retry]);
  assert.deepEqual(told, [["error", "forbidden", "never"], ["error", "busy", "later"]]);
  assert.equal(scene.room.presence.count, 1);
});

test("an own entry answers a command whose ack was lost", async () => {
  const scene = await Scene.live();
  const { room } = scene;
  const fates = [
    room.publish({ a: [1] }, { ref: "r1" }),
    room.edit(7, "x", { ref: "r2" }),
    room.delete(7, { ref: "r3" }),
    room.react(7, "👍", true, { ref: "r4" }),
  ].map(fate);
  await scene.reconnected();
  const say = (type, seq, fields) => scene.socket.say(type, { seq, at: "", by: ME, ...fields });
  say("message", 1, { ref: "r1", body: { a: [1] } });
  say("edit", 2, { ref: "r2", target: 7, body: "x" });
  say("delete", 3, { ref: "r3", target: 7 });
  say("reaction", 4, { ref: "r4", target: 7, value: "👍", on: true });
  await settled();
  assert.deepEqual(fates.map(({ value }) => value), [1, 2, 3, 4]);
});

test("an entry that is not the command's own answers nothing", async () => {
  for (const entry of [
    { by: OTHER, ref: "r1", body: "a" },
    { by: ME, ref: "r2", body: "a" },
    { by: ME, ref: "r1", body: "other" },
    { by: ME, body: "a" },
    { by: ME, ref: "r1", body: "a", type: "edit", target: 1 },
  ]) {
    const scene = await Scene.live();
    const known = fate(scene.room.publish("a", { ref: "r1" }));
    await scene.reconnected();
    scene.socket.message(1, entry);
    await settled();
    assert.deepEqual(known, {});
  }
});

test("an entry answers only what was lost: the server has the word on what was not", async () => {
  const limits = { publish_rate: 1e-9, publish_burst: 1 };
  const scene = await Scene.live({}, { limits });
  const fates = ["r1", "r2"].map((ref) => fate(scene.room.publish("a", { ref })));
  assert.deepEqual(scene.socket.sentOf("publish", "ref"), ["r1"]);
  scene.socket.message(1, { by: ME, ref: "r1", body: "a" });
  await scene.reconnected({ limits });
  scene.socket.message(2, { by: ME, ref: "r2", body: "a" });
  await settled();
  assert.deepEqual(fates, [{}, {}]);
});

test("the outbox is bounded", async () => {
  const scene = new Scene({ outbox: 2 });
  const fates = [1, 2, 3].map((n) => fate(scene.room.publish(n, { ref: `r${n}` })));
  await settled();
  assert.deepEqual(fates, [{}, {}, { code: "outbox_full" }]);
  scene.socket.welcome();
  scene.socket.say("ack", { ref: "r1", seq: 1, at: "" });
  const next = fate(scene.room.publish(4));
  await settled();
  assert.deepEqual(next, {});
});

test("one ref is one command", async () => {
  const scene = await Scene.live();
  const fates = ["a", "a", "b"].map((body) => fate(scene.room.publish(body, { ref: "r1" })));
  assert.equal(scene.socket.sentOf("publish").length, 1);
  scene.socket.say("ack", { ref: "r1", seq: 4, at: "" });
  await settled();
  assert.deepEqual(fates, [{ value: 4 }, { value: 4 }, { code: "ref_conflict" }]);
});

test("what the server could not even read is refused here", async () => {
  const scene = await Scene.live();
  const deep = (levels) => Array.from({ length: levels }).reduce((body) => [body], 1);
  const refusals = [
    [() => scene.room.publish("a\0"), "bad_message"],
    [() => scene.room.publish({ "\ud800": 1 }), "bad_message"],
    [() => scene.room.publish([{ a: "x\udfff" }]), "bad_message"],
    [() => scene.room.publish(2 ** 53 + 2), "bad_message"],
    [() => scene.room.publish(deep(501)), "bad_message"],
    [() => scene.room.publish("a", { ref: "" }), "bad_message"],
    [() => scene.room.publish("a", { ref: "x".repeat(65) }), "bad_message"],
    [() => scene.room.publish("a", { ref: "a\nb" }), "bad_message"],
    [() => scene.room.publish("é".repeat(32_760)), "too_big"],
    [() => scene.room.publish(1n), "TypeError"],
  ];
  for (const [act, code] of refusals) {
    const known = fate(act());
    await settled();
    assert.deepEqual(known, { code });
  }
  assert.deepEqual(scene.socket.sent, []);
  const fine = [2 ** 53, 1e21, -1.5, deep(30), "\\u0000 \\ud800", "🎉", null, "x".repeat(65_000)];
  for (const body of fine) scene.room.publish(body).catch(() => {});
  assert.deepEqual(scene.socket.sentOf("publish", "body"), fine);
});

test("signals go out while live and within the rate, and are dropped else", async () => {
  const scene = new Scene();
  await settled();
  scene.socket.welcome({ limits: { publish_rate: 1, publish_burst: 1 } });
  scene.room.signal("typing", true);
  assert.deepEqual(scene.socket.sent, []);
  scene.socket.live();
  scene.room.signal("typing", true);
  scene.room.signal("typing", false);
  await pass(1000);
  scene.room.signal("wave");
  assert.deepEqual(scene.socket.sent, [
    { type: "signal", name: "typing", body: true },
    { type: "signal", name: "wave", body: null },
  ]);
});

test("the newest read marker is kept, and told again after a reconnect", async () => {
  const scene = await Scene.live({}, { after: 9 });
  scene.room.read(4);
  scene.room.read(3);
  scene.room.read(5);
  assert.deepEqual(scene.socket.sentOf("read", "seq"), [4, 5]);
  scene.socket.lose();
  scene.room.read(8);
  await pass(500);
  scene.socket.welcome();
  assert.deepEqual(scene.socket.sentOf("read", "seq"), [8]);
  scene.room.read(9);
  assert.deepEqual(scene.socket.sentOf("read", "seq"), [8, 9]);
  await scene.reconnected({ recovered: false, epoch: "e2", after: 0 });
  assert.deepEqual(scene.socket.sentOf("read"), [], "another log, another place");
});
