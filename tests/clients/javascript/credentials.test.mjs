// How a room shows who it is, and renews it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Refused } from "../../../api/web/itemroom.js";
import { Scene, pass, settled } from "./scripted.mjs";

/** A source of credentials that gives some in turn, the last one for ever. */
function source(...answers) {
  const getToken = async () => {
    const answer = answers[Math.min(getToken.asked++, answers.length - 1)];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  getToken.asked = 0;
  return getToken;
}

test("a credential goes where no log of addresses shows it, if it can", async () => {
  for (const [options, query, protocols] of [
    [{}, {}, ["itemroom.v1.json"]],
    [{ token: "a.b-c_d" }, {}, ["itemroom.v1.json", "bearer.a.b-c_d"]],
    [{ token: "no header" }, { token: "no header" }, ["itemroom.v1.json"]],
    [{ ticket: "t1" }, { ticket: "t1" }, ["itemroom.v1.json"]],
    [{ getToken: source("t2") }, {}, ["itemroom.v1.json", "bearer.t2"]],
    [{ getToken: source({ token: "t3" }) }, {}, ["itemroom.v1.json", "bearer.t3"]],
    [{ getToken: source({ ticket: "t4" }) }, { ticket: "t4" }, ["itemroom.v1.json"]],
  ]) {
    const scene = new Scene(options);
    await settled();
    assert.deepEqual([scene.socket.query, scene.socket.protocols], [query, protocols]);
  }
});

test("a source is asked for every connection", async () => {
  const scene = await Scene.live({ getToken: source({ ticket: "t1" }, { ticket: "t2" }) });
  await scene.reconnected();
  assert.deepEqual(scene.socket.query, { ticket: "t2", after: "0", epoch: "e1" });
});

test("a fixed credential that is refused is refused for good", async () => {
  for (const options of [{}, { token: "t1" }, { ticket: "t1" }]) {
    const scene = await Scene.live(options);
    scene.socket.closing("auth_expired", "after_auth");
    assert.deepEqual([scene.room.state, scene.room.error.code], ["refused", "auth_expired"]);
  }
});

test("a source gets one more chance for each welcome", async () => {
  const getToken = source("t1", "t2", "t3", "t4");
  const scene = await Scene.live({ getToken });
  scene.socket.closing("auth_expired", "after_auth");
  await pass(500);
  scene.socket.welcome();
  scene.socket.closing("auth_expired", "after_auth");
  await pass(500);
  assert.deepEqual([scene.socket.protocols[1], scene.room.state], ["bearer.t3", "connecting"]);
  scene.socket.closing("auth_invalid", "after_auth");
  await settled();
  assert.deepEqual([scene.room.state, scene.room.error.code], ["refused", "auth_invalid"]);
  assert.equal(getToken.asked, 3);
});

test("a lost connection neither uses up the chance of a credential nor renews it", async () => {
  const scene = new Scene({ getToken: source("t1") });
  await settled();
  scene.socket.lose();
  await pass(500);
  scene.socket.closing("auth_expired", "after_auth");
  await pass(1000);
  scene.socket.lose();
  await pass(2000);
  scene.socket.closing("auth_expired", "after_auth");
  assert.equal(scene.room.state, "refused");
});

test("a source that fails or hangs is asked again, with the waits of a connection", async () => {
  const getToken = source(new Error("no network"), "t1");
  const scene = new Scene({ getToken });
  await settled();
  assert.deepEqual([scene.room.state, scene.states.at(-1).reason], ["waiting", "no_token"]);
  await pass(500);
  assert.equal(scene.socket.protocols[1], "bearer.t1");

  const hanging = new Scene({ getToken: () => new Promise(() => {}) });
  await pass(29_999);
  assert.equal(hanging.room.state, "connecting");
  await pass(1);
  assert.equal(hanging.room.state, "waiting");
});

test("a source can refuse for good, and one that has nothing does", async () => {
  for (const [answer, code] of [
    [new Refused("signed_out"), "signed_out"],
    [null, "auth_missing"],
    ["", "auth_missing"],
    [{}, "auth_missing"],
  ]) {
    const scene = new Scene({ getToken: source(answer) });
    await settled();
    assert.deepEqual([scene.room.state, scene.room.error.code], ["refused", code]);
    assert.equal(scene.sockets.length, 0);
  }
});

test("what a source says too late is not used", async () => {
  for (const act of ["resolve", "reject"]) {
    let late;
    const getToken = () => new Promise((resolve, reject) => (late = { resolve, reject }));
    const scene = new Scene({ getToken });
    scene.room.close();
    late[act]("t1");
    await settled();
    assert.deepEqual([scene.sockets.length, scene.room.state], [0, "closed"]);
  }
});

test("the first credential may be a bad one, too", async () => {
  const scene = new Scene({ getToken: source("bad", "good") });
  await settled();
  scene.socket.closing("auth_invalid", "after_auth");
  await pass(500);
  assert.equal(scene.socket.protocols[1], "bearer.good");
});

test("a credential that ends is replaced on the open connection", async () => {
  const scene = await Scene.live({ getToken: source("t1", "t2") });
  scene.socket.say("expiring", { in: 30 });
  await settled();
  assert.deepEqual(scene.socket.sentOf("auth"), [{ type: "auth", token: "t2" }]);
  assert.equal(scene.sockets.length, 1);
});

test("a source of tokens that end at once is not asked in a circle", async () => {
  const getToken = source("t1", "t2", "t3", "t4");
  const scene = await Scene.live({ getToken });
  for (let round = 0; round < 5; round++) {
    scene.socket.say("expiring", { in: 0 });
    await settled();
  }
  assert.deepEqual(scene.socket.sentOf("auth", "token"), ["t2"]);
  await pass(5000);
  scene.socket.say("expiring", { in: 0 });
  await settled();
  assert.deepEqual(scene.socket.sentOf("auth", "token"), ["t2", "t3"]);
});

test("only a newer token is sent, and only to the connection that asked", async () => {
  const same = await Scene.live({ getToken: source("t1") });
  same.socket.say("expiring", { in: 30 });
  const ticket = await Scene.live({ getToken: source({ ticket: "t1" }) });
  ticket.socket.say("expiring", { in: 30 });
  const failing = await Scene.live({ getToken: source("t1", new Error("no network")) });
  failing.socket.say("expiring", { in: 30 });
  const fixed = await Scene.live({ token: "t1" });
  fixed.socket.say("expiring", { in: 30 });
  const lost = await Scene.live({ getToken: source("t1", "t2") });
  const [line] = lost.sockets;
  line.say("expiring", { in: 30 });
  line.lose();
  await settled();
  for (const scene of [same, ticket, failing, fixed, lost]) {
    assert.deepEqual(scene.sockets[0].sentOf("auth"), []);
  }
});
