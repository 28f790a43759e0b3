// A handshake that ends without a word: the code is asked for by REST.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chance, NodeSocket, pass, rest, Scene, settled } from "./scripted.mjs";

const WHERE = "http://server/prefix/items/room/tickets";

async function denied(answer, options = {}) {
  rest.answer = answer;
  const scene = new Scene(options);
  await settled();
  scene.socket.lose();
  await settled();
  await settled();
  return scene;
}

test("what is denied for good is not tried again", async () => {
  const scene = await denied({ status: 403, code: "origin_denied", detail: "Not from here." });
  assert.deepEqual([scene.room.state, scene.room.error.code], ["refused", "origin_denied"]);
  assert.equal(scene.room.error.message, "Not from here.");
  assert.deepEqual(rest.asked, [
    { url: WHERE, method: "POST", headers: {}, credentials: "include" },
  ]);
});

test("a token is shown, and then no cookie", async () => {
  await denied({ status: 403, code: "origin_denied" }, { token: "t" });
  assert.deepEqual(rest.asked[0].headers, { Authorization: "Bearer t" });
  assert.equal(rest.asked[0].credentials, "omit");
});

test("the server is left alone for as long as it says", async () => {
  chance(0);
  for (const [status, code] of [
    [429, "too_many_connections"],
    [503, "draining"],
  ]) {
    const scene = await denied({ status, code, retry_after: 10 });
    assert.deepEqual([scene.room.state, scene.room.error.code], ["waiting", code]);
    assert.equal(scene.states.at(-1).reason, code);
    await pass(9_999);
    assert.equal(scene.sockets.length, 1);
    await pass(1);
    assert.equal(scene.sockets.length, 2);
  }
});

test("another token is asked for once when the server takes none of this one", async () => {
  chance(0);
  const tokens = ["old", "new"];
  const getToken = () => tokens.shift() ?? "last";
  const scene = await denied({ status: 401, code: "auth_expired" }, { getToken });
  assert.equal(scene.room.state, "waiting");
  await pass(0);
  assert.ok(scene.socket.protocols.includes("bearer.new"));
  scene.socket.lose();
  await settled();
  await settled();
  assert.deepEqual([scene.room.state, scene.room.error.code], ["refused", "auth_expired"]);
});

test("what REST would let in stays unexplained", async () => {
  const scene = await denied({ status: 201, ticket: "x" });
  assert.deepEqual([scene.room.state, scene.room.error], ["waiting", null]);
  assert.equal(scene.states.at(-1).reason, "unreachable");
});

test("nothing is asked in the name of a ticket", async () => {
  await denied({ status: 403, code: "origin_denied" }, { ticket: "once" });
  assert.deepEqual(rest.asked, []);
});

test("a room that is closed meanwhile stays closed", async () => {
  rest.answer = { status: 403, code: "origin_denied" };
  const scene = new Scene();
  await settled();
  scene.socket.lose();
  scene.room.close();
  await settled();
  await settled();
  assert.equal(scene.room.state, "closed");
});

test("while the server is asked, it is not asked again, nor waited for", async () => {
  let answer = () => {};
  const scene = new Scene();
  globalThis.fetch = () => {
    rest.asked.push("once");
    return new Promise((resolve) => (answer = resolve));
  };
  await settled();
  for (let round = 0; round < 3; round++) {
    scene.socket.lose();
    await pass(4_000);
  }
  assert.deepEqual([scene.sockets.length, rest.asked.length], [4, 1]);
  answer(new Response('{"code": "origin_denied"}', { status: 403 }));
  await settled();
  await settled();
  assert.equal(scene.room.error.code, "origin_denied");
});

test("what is said after a welcome comes too late", async () => {
  let answer = () => {};
  const scene = new Scene();
  globalThis.fetch = () => new Promise((resolve) => (answer = resolve));
  await settled();
  scene.socket.lose();
  await pass(500);
  scene.socket.welcome();
  answer(new Response('{"code": "origin_denied"}', { status: 403 }));
  await settled();
  assert.equal(scene.room.state, "resuming");
});

test("a bare status is explained by REST too, and a problem stands", async () => {
  rest.answer = { status: 403, code: "origin_denied" };
  const bare = new Scene({}, NodeSocket);
  await settled();
  await bare.socket.deny(403, "");
  await settled();
  await settled();
  assert.equal(bare.room.error.code, "origin_denied");
  const told = new Scene({}, NodeSocket);
  await settled();
  await told.socket.deny(400, { code: "malformed" });
  await settled();
  await settled();
  assert.equal(told.room.error.code, "malformed");
});
