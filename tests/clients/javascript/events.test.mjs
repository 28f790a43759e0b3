// A room without a WebSocket: when it takes events, and what it makes of them and of answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chance, fate, NodeSocket, OTHER, pass, rest, Scene, settled, WELCOME } from "./scripted.mjs";

let hosts = 0;
/** Rooms of another server each: what is barred is remembered for all rooms of one. */
class Elsewhere extends Scene {
  open(_, options) {
    return super.open(`http://server-${hosts++}/prefix/`, options);
  }
}

/** A server that answers by HTTP alone: its newest stream, and what was asked of it. */
class Http {
  asked = [];
  streams = [];
  answers = [];

  constructor() {
    globalThis.fetch = async (url, { method = "GET", headers, body, signal }) => {
      const { pathname, searchParams } = new URL(url);
      if (pathname.endsWith("/tickets")) return Response.json({ ticket: "t" }, { status: 201 });
      if (!pathname.endsWith("/events")) return this.#answer({ method, pathname, headers, body });
      const query = Object.fromEntries(searchParams);
      const made = new ReadableStream({
        start: (controller) => this.streams.push({ query, headers, signal, controller }),
      });
      signal.addEventListener("abort", () => this.streams.at(-1).controller.error(signal.reason));
      return new Response(made, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
    };
  }

  async #answer({ body, ...request }) {
    this.asked.push({ ...request, body: body && JSON.parse(body) });
    const { status = 200, ...answer } = (await this.answers.shift()) ?? {};
    return Response.json(answer, { status });
  }

  async write(text) {
    this.streams.at(-1).controller.enqueue(new TextEncoder().encode(text));
    await turns();
  }

  say(type, fields = {}) {
    return this.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`);
  }

  message(seq, fields = {}) {
    return this.say("message", { seq, at: "2026-01-31T15:25:13.207Z", by: OTHER, body: seq, ...fields });
  }

  async live(after = 0) {
    await this.say("welcome", { ...WELCOME, head: after, after });
    await this.say("live", { seq: after });
  }
}

async function turns() {
  for (let turn = 0; turn < 5; turn++) await settled();
}

/** A room that is live by events. */
async function byEvents(options = {}) {
  const http = new Http();
  const scene = new Elsewhere({ transport: "events", ...options });
  await turns();
  await http.live();
  assert.equal(scene.room.state, "live");
  return { http, scene, room: scene.room };
}

test("two sockets without a word are enough, while HTTP works", async () => {
  chance(0);
  const http = new Http();
  const scene = new Elsewhere({ token: "t" });
  await turns();
  scene.socket.lose();
  await pass(0);
  await turns();
  assert.deepEqual([scene.sockets.length, http.streams.length], [2, 0]);
  scene.socket.open();
  scene.socket.lose();
  await turns();
  assert.equal(scene.room.transport, "events");
  assert.deepEqual(http.streams[0].headers, { Authorization: "Bearer t" });
  await http.live();
  assert.equal(scene.room.state, "live");
});

test("one that hangs, or is answered with a status, is enough", async () => {
  for (const end of [
    () => pass(15_000),
    (socket) => socket.deny(400, "<html>no</html>"),
    (socket) => socket.deny(400, { code: "malformed" }),
  ]) {
    const http = new Http();
    const scene = new Elsewhere({}, NodeSocket);
    await turns();
    await end(scene.socket);
    await turns();
    assert.deepEqual([scene.room.transport, http.streams.length], ["events", 1]);
  }
});

test("without HTTP, after a word of the server, or when it is not wanted, it stays with sockets", async () => {
  chance(0);
  for (const [options, end] of [
    [{}, (socket) => socket.closing("restart", "later")],
    [{ transport: "websocket" }, (socket) => socket.lose()],
    [{ ticket: "once" }, (socket) => socket.lose()],
  ]) {
    const http = new Http();
    const scene = new Elsewhere(options);
    for (let round = 0; round < 4; round++) {
      await turns();
      end(scene.socket);
      await pass(0);
    }
    await turns();
    assert.deepEqual([scene.sockets.length, http.streams.length], [5, 0]);
  }
});

test("after some minutes a socket is tried once more", async () => {
  chance(0);
  const http = new Http();
  const scene = new Elsewhere({}, NodeSocket);
  await turns();
  await scene.socket.deny(400, "");
  await turns();
  await http.live();
  http.streams.at(-1).controller.close();
  await turns();
  await pass(0);
  assert.deepEqual([scene.sockets.length, http.streams.length], [1, 2]);
  await http.live();
  for (let minute = 0; minute < 10; minute++) {
    await pass(30_000);
    await http.write(":\n");
  }
  http.streams.at(-1).controller.close();
  await turns();
  await pass(0);
  assert.deepEqual([scene.sockets.length, scene.room.transport], [2, "websocket"]);
  scene.socket.welcome();
  scene.socket.live();
  assert.equal(scene.room.state, "live");
});

test("it goes on behind what it has", async () => {
  chance(0);
  const { http, scene } = await byEvents({ after: 0 });
  const { seqs } = scene.read();
  await http.message(1);
  await http.message(2);
  http.streams.at(-1).controller.close();
  await turns();
  await pass(0);
  await turns();
  assert.deepEqual(http.streams.at(-1).query, { after: "2", epoch: "e1" });
  assert.deepEqual(seqs, [1, 2]);
});

test("pieces of any size, and all ends of lines, make the same events", async () => {
  const { http, scene } = await byEvents();
  const { seqs } = scene.read();
  for (const [seq, end] of [[1, "\n"], [2, "\r\n"]]) {
    const frame = { type: "message", seq, at: "", by: OTHER, body: "ä€😀" };
    const text = ["id: e1.1", "event: message", `data: ${JSON.stringify(frame)}`, "", ""].join(end);
    for (const byte of new TextEncoder().encode(text)) http.streams[0].controller.enqueue(Uint8Array.of(byte));
    await turns();
    await turns();
  }
  for (let wait = 0; wait < 60; wait++) await settled();
  assert.deepEqual(seqs, [1, 2]);
});

test("commands are requests, one after the other, under their refs", async () => {
  const { http, room } = await byEvents({ token: "t" });
  await http.message(1);
  http.answers = [{ answers: [{ status: 201, seq: 2, at: "" }] }, { answers: [{ status: 403, code: "forbidden", detail: "No." }] }];
  const [published, deleted] = [fate(room.publish("hi", { ref: "a" })), fate(room.delete(1, { ref: "b" }))];
  await turns();
  await http.message(2, { by: { id: "u-ada", name: "Ada" }, ref: "a", body: "hi" });
  assert.deepEqual([published, deleted], [{ value: 2 }, { code: "forbidden" }]);
  assert.deepEqual(http.asked[0].headers, { Authorization: "Bearer t", "Content-Type": "application/json" });
  const commands = http.asked.map(({ method, pathname, body }) => [method, pathname, body.commands[0]]);
  assert.deepEqual(commands, [
    ["POST", "/prefix/batch", { do: "publish", item: "room", ref: "a", body: "hi" }],
    ["POST", "/prefix/batch", { do: "delete", item: "room", target: 1, ref: "b" }],
  ]);
});

test("an own entry comes before its answer", async () => {
  const { http, room } = await byEvents();
  http.answers = [{ answers: [{ status: 201, seq: 1, at: "" }] }];
  const published = fate(room.publish("hi"));
  await turns();
  assert.deepEqual(published, {});
  await http.message(1);
  assert.deepEqual(published, { value: 1 });
});

test("what may be stored, or not, is sent again under its ref", async () => {
  chance(0);
  const lost = Promise.reject(new TypeError("fetch failed"));
  lost.catch(() => {});
  for (const answer of [lost, { status: 502 }, { status: 401, code: "auth_expired" }]) {
    const { http, scene, room } = await byEvents({ getToken: () => "t" });
    http.answers = [answer, { answers: [{ status: 200, seq: 1, at: "", duplicate: true }] }];
    const published = fate(room.publish("hi", { ref: "a" }));
    await turns();
    assert.equal(scene.room.state, "waiting");
    await pass(0);
    await turns();
    await http.live(1);
    await turns();
    assert.deepEqual(published, { value: 1 });
    assert.deepEqual(http.asked[1].body, http.asked[0].body);
  }
});

test("not now is later", async () => {
  const { http, room } = await byEvents();
  http.answers = [{ answers: [{ status: 429, code: "rate_limited", detail: "", retry_after: 2 }] }, { answers: [{ status: 201, seq: 1, at: "" }] }];
  const published = fate(room.publish("hi"));
  await turns();
  await pass(1_999);
  assert.equal(http.asked.length, 1);
  await pass(1);
  await turns();
  await http.message(1);
  assert.deepEqual(published, { value: 1 });
});

test("a message in the making is written by requests", async () => {
  const { http, room } = await byEvents();
  http.answers = [{ status: 201, seq: 1, at: "" }, { length: 2 }, { seq: 2, at: "" }];
  const starting = room.start({ text: "" }, { ref: "s" });
  await turns();
  await http.message(1, { by: { id: "u-ada", name: "Ada" }, ref: "s", body: { text: "" }, open: true, length: 0 });
  const stream = await starting;
  stream.append("hi");
  await turns();
  const finished = fate(stream.finish({ ref: "f" }));
  await turns();
  await http.say("finish", { seq: 2, at: "", by: OTHER, target: 1, state: "done" });
  assert.deepEqual(finished, { value: 2 });
  assert.deepEqual(http.asked.map(({ pathname, body }) => [pathname.slice("/prefix/items/room/".length), body]), [
    ["messages", { ref: "s", body: { text: "" }, open: true }],
    ["messages/1/append", { at: 0, text: "hi" }],
    ["messages/1/finish", { ref: "f", state: "done" }],
  ]);
});

test("read markers get through, signals are refused once", async () => {
  const { http, scene, room } = await byEvents();
  await http.message(1);
  room.signal("typing");
  room.signal("typing");
  room.read(1);
  await turns();
  assert.deepEqual(scene.events.map(([type, { code }]) => [type, code]), [["error", "no_socket"]]);
  assert.deepEqual(http.asked.map(({ method, pathname, body }) => [method, pathname, body]), [
    ["PUT", "/prefix/items/room/read", { seq: 1 }],
  ]);
});

test("a stream that says nothing is given up, although requests get through", async () => {
  const { http, scene } = await byEvents();
  for (let wait = 0; wait < 13; wait++) {
    await pass(5_000);
    await turns();
  }
  assert.equal(http.asked.length, 1);
  assert.ok(scene.states.some(({ reason }) => reason === "silent"));
});

test("what closes a socket ends a stream, and its refusal the room", async () => {
  const { http, room } = await byEvents();
  await http.say("closing", { code: 1008, reason: "removed", retry: "never" });
  assert.deepEqual([room.state, room.error.code], ["refused", "removed"]);
  globalThis.fetch = async () => Response.json({ code: "item_not_found" }, { status: 404 });
  const scene = new Elsewhere({ transport: "events" });
  await turns();
  assert.deepEqual([scene.room.state, scene.room.error.code], ["refused", "item_not_found"]);
});

test("what could never work is said at once", async () => {
  assert.throws(() => new Scene({ transport: "pigeons" }), TypeError);
  const scene = new Scene({ transport: "events", ticket: "once" });
  await turns();
  assert.equal(scene.room.state, "refused");
  assert.deepEqual(rest.asked, []);
});
