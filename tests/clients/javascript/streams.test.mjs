// Messages in the making: written once, whatever the connection does, and read as they grow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation } from "../../../api/web/itemroom.js";
import { ME, OTHER, Scene, fate, pass, settled } from "./scripted.mjs";

const at = "2026-01-31T15:25:13.207Z";
const open = { open: true, length: 0, body: "" };

/** One whose message 1 is begun; `stream` is what its author has. */
async function writing(body = "", options = {}, welcome = {}) {
  const scene = await Scene.live(options, welcome);
  const starting = scene.room.start(body, { ref: "s" });
  scene.socket.message(1, { by: ME, ref: "s", open: true, length: 0, body });
  scene.socket.say("ack", { ref: "s", seq: 1, at });
  return { scene, stream: await starting };
}

/** What was sent of a text on the newest connection. */
const sent = ({ socket }) => socket.sentOf("append").map(({ at, text }) => [at, text]);
const stored = ({ socket }, length, more = {}) => socket.say("appended", { target: 1, length, ...more });

/** Read a text on and on; `chunks` grows. */
function reading(room, seq, options) {
  const found = { chunks: [], isOver: false };
  found.done = (async () => {
    for await (const chunk of room.text(seq, options)) found.chunks.push(chunk);
  })().then(
    () => (found.isOver = true),
    (error) => (found.code = error.code),
  );
  return found;
}

test("what comes while text is on its way is joined, and counted in code points", async () => {
  const { scene, stream } = await writing({ text: "a😀" });
  for (const word of ["e\u0301", "😀", "b"]) stream.append(word);
  assert.deepEqual(sent(scene), [[2, "e\u0301"]]);
  stored(scene, 4);
  assert.deepEqual(sent(scene).at(-1), [4, "😀b"]);
  stored(scene, 6);
  assert.equal(sent(scene).length, 2);
  assert.equal(stream.text, "a😀e\u0301😀b");
});

test("half a character waits for its other half", async () => {
  const { scene, stream } = await writing();
  stream.append("\ud83d");
  assert.deepEqual(sent(scene), []);
  stream.append("\ude00!\ud83d");
  assert.deepEqual(sent(scene), [[0, "😀!"]]);
  stored(scene, 2);
  stream.append("no half");
  stream.append("\ud83d");
  stored(scene, 10);
  const end = fate(stream.finish());
  assert.deepEqual(sent(scene).slice(1), [[2, "\ufffdno half"], [10, "\ufffd"]]);
  assert.deepEqual(scene.socket.sentOf("finish"), [], "its text comes first");
  stored(scene, 11);
  await settled();
  const [finish] = scene.socket.sentOf("finish");
  assert.deepEqual([finish.target, finish.state], [1, "done"]);
  scene.socket.say("ack", { ref: finish.ref, seq: 2, at });
  await settled();
  assert.deepEqual(end, { value: 2 });
});

test("a long text goes in pieces that cut no character", async () => {
  const { scene, stream } = await writing("", {}, { limits: { frame_bytes: 260 } });
  stream.append(`x${"😀".repeat(10)}`);
  stored(scene, 5);
  assert.deepEqual(sent(scene), [[0, "x😀😀😀😀"], [5, "😀😀😀😀😀"]]);
});

test("after a lost connection it goes on from what is stored", async () => {
  const { scene, stream } = await writing();
  stream.append("Hello");
  stored(scene, 5);
  stream.append(", w");
  scene.socket.lose();
  stream.append("orld");
  await pass(500);
  scene.socket.open();
  assert.deepEqual(sent(scene), [], "not before the welcome");
  scene.socket.welcome();
  assert.deepEqual(sent(scene), [[5, ", world"]]);
  stream.append("!");
  stored(scene, 12, { duplicate: true });
  assert.deepEqual(sent(scene).at(-1), [12, "!"]);
  stored(scene, 13);
  assert.equal(sent(scene).length, 2);
});

test("a server that was set back is given all that it lacks", async () => {
  const { scene, stream } = await writing();
  stream.append("Hello");
  stored(scene, 5);
  stream.append("!");
  scene.socket.say("error", { code: "bad_offset", message: "", target: 1, length: 2 });
  assert.deepEqual(sent(scene).at(-1), [2, "llo!"]);
});

test("what somebody else has written is not written over", async () => {
  for (const [type, fields] of [
    ["error", { code: "bad_offset", message: "", length: 9 }],
    ["error", { code: "bad_offset", message: "", length: 3 }],
    ["appended", { length: 9, duplicate: true }],
  ]) {
    const { scene, stream } = await writing();
    stream.append("Hello");
    scene.socket.say(type, { target: 1, ...fields });
    assert.equal(stream.error.code, "bad_offset");
    assert.throws(() => stream.append("!"), { code: "bad_offset" });
    await assert.rejects(stream.finish(), { code: "bad_offset" });
  }
});

test("not now is later, and never is for good", async () => {
  const { scene, stream } = await writing();
  stream.append("Hello");
  scene.socket.say("error", { code: "rate_limited", message: "", target: 1, retry_after: 2 });
  stream.append("!");
  await pass(1_900);
  assert.equal(sent(scene).length, 1);
  await pass(200);
  assert.deepEqual(sent(scene).at(-1), [0, "Hello!"]);
  scene.socket.say("error", { code: "busy", message: "", target: 1 });
  await pass(1_100);
  assert.equal(sent(scene).length, 3);
  const end = fate(stream.finish());
  scene.socket.say("error", { code: "stream_closed", message: "", target: 1 });
  await settled();
  assert.deepEqual(end, { code: "stream_closed" });
  assert.ok(stream.stopped.aborted);
});

test("a stop reaches the author by its entry, and by the answer to the next text", async () => {
  for (const tell of [
    ({ socket }) => socket.say("stop", { seq: 2, at, by: OTHER, target: 1 }),
    (scene) => stored(scene, 1, { stopped: true }),
  ]) {
    const { scene, stream } = await writing();
    stream.append("x");
    assert.ok(!stream.stopped.aborted);
    tell(scene);
    assert.equal(stream.stopped.reason.code, "stopped");
    stored(scene, 1);
    stream.append("y"); // Nothing forces them.
    assert.deepEqual(sent(scene).at(-1), [1, "y"]);
  }
});

test("a finish with a body drops what is not stored, and is asked for once", async () => {
  const { scene, stream } = await writing({ text: "" });
  stream.append("dra");
  stream.append("ft");
  const ends = [stream.finish({ state: "failed", error: { code: 7 }, body: "whole" }), stream.finish()];
  stored(scene, 3);
  await settled();
  const [{ ref: _, ...finish }, ...more] = scene.socket.sentOf("finish");
  assert.deepEqual(more, []);
  assert.deepEqual(finish, {
    type: "finish", target: 1, state: "failed", error: { code: 7 }, body: "whole",
  });
  assert.equal(ends[0].constructor, Promise);
  assert.throws(() => stream.append("!"), { code: "stream_closed" });
  scene.socket.say("ack", { ref: _, seq: 2, at });
  assert.deepEqual(await Promise.all(ends), [2, 2]);
});

test("the same ref again is the same message, with the text that it has", async () => {
  const scene = await Scene.live({ after: 1 });
  scene.socket.lose();
  const starting = fate(scene.room.start("", { ref: "s" }));
  await pass(500);
  scene.socket.welcome();
  scene.socket.say("ack", { ref: "s", seq: 1, at, duplicate: true });
  await settled();
  assert.deepEqual(starting, {}, "its text is not known yet");
  scene.socket.say("open", { seq: 1, at, by: ME, body: "Hel", length: 3 });
  await settled();
  const stream = starting.value;
  assert.equal(stream.text, "Hel");
  stream.append("lo");
  assert.deepEqual(sent(scene), [[3, "lo"]]);
});

test("one that has ended cannot be gone on with", async () => {
  const scene = await Scene.live({ after: 2 });
  const starting = fate(scene.room.start("", { ref: "s" }));
  scene.socket.say("ack", { ref: "s", seq: 1, at, duplicate: true });
  await settled();
  assert.deepEqual(starting, { code: "stream_closed" });
});

test("parts grow by themselves, and what has no text does not", async () => {
  const { scene, stream } = await writing({ parts: [{ text: "" }, { type: "call" }, { text: "a" }] });
  stream.append("b", { part: 2 });
  stream.append("one", { part: 0 });
  stored(scene, 2, { part: 2 });
  assert.deepEqual(
    scene.socket.sentOf("append").map(({ part, at, text }) => [part, at, text]),
    [[2, 1, "b"], [0, 0, "one"]],
  );
  for (const part of [undefined, 1, 9]) {
    assert.throws(() => stream.append("x", { part }), { code: "bad_message" });
  }
  assert.throws(() => stream.append("\0", { part: 0 }), { code: "bad_message" });
});

test("a room that is closed ends what is written and read in it", async () => {
  const { scene, stream } = await writing();
  const reader = reading(scene.room, 1);
  const unknown = reading(scene.room, 9);
  const starting = fate(scene.room.start(""));
  stream.append("x");
  const end = fate(stream.finish());
  await settled();
  scene.room.close();
  await settled();
  assert.deepEqual([end, starting], [{ code: "closed" }, { code: "closed" }]);
  assert.ok(reader.isOver);
  assert.equal(unknown.code, "not_found");
});

test("a refused room ends them with its reason", async () => {
  const { scene, stream } = await writing();
  const readers = [reading(scene.room, 1), reading(scene.room, 9)];
  await settled();
  scene.socket.closing("removed", "never");
  await settled();
  assert.deepEqual(readers.map(({ code }) => code), ["removed", "removed"]);
  assert.equal(stream.error.code, "removed");
});

test("a text is read as it grows, and slow readers get more at once", async () => {
  const scene = await Scene.live();
  scene.socket.message(1, { ...open, body: { text: "a" } });
  const reader = reading(scene.room, 1);
  const append = (at, text) => scene.socket.say("append", { target: 1, at, text });
  await settled();
  append(1, "😀");
  append(2, "e");
  await settled();
  append(3, "\u0301");
  await settled();
  scene.socket.say("finish", { seq: 2, at, by: OTHER, target: 1, state: "done" });
  await reader.done;
  assert.deepEqual(reader.chunks, ["a", "😀e", "\u0301"]);
  const late = reading(scene.room, 1);
  await late.done;
  assert.deepEqual(late.chunks, ["a😀e\u0301"]);
});

test("a reader whose connection was lost goes on with what they lack", async () => {
  const scene = await Scene.live();
  scene.socket.message(1, open);
  scene.socket.message(2, open);
  scene.socket.message(3, open);
  const readers = [1, 2, 3].map((seq) => reading(scene.room, seq));
  for (const target of [1, 2, 3]) scene.socket.say("append", { target, at: 0, text: "one" });
  await settled();
  scene.socket.lose();
  await pass(500);
  assert.equal(scene.socket.query.after, "3", "text moves no place");
  scene.socket.welcome();
  scene.socket.say("finish", { seq: 4, at, by: OTHER, target: 2, state: "failed", body: "one, two" });
  scene.socket.say("finish", { seq: 5, at, by: OTHER, target: 3, state: "done", body: "another" });
  scene.socket.say("open", { seq: 1, at, by: OTHER, body: "one, three", length: 10 });
  scene.socket.live(5);
  scene.socket.say("append", { target: 1, at: 10, text: "!" });
  await settled();
  assert.deepEqual(readers[0].chunks, ["one", ", three!"]);
  assert.deepEqual(readers[1].chunks, ["one", ", two"]);
  assert.deepEqual(readers[2].chunks, ["one"], "what was read is not taken back");
  assert.deepEqual(readers.map(({ isOver }) => isOver), [false, true, true]);
});

test("after a gap it is not known what became of those that are not told of", async () => {
  const scene = await Scene.live({ after: 0 });
  scene.socket.message(1, open);
  scene.socket.message(2, open);
  const readers = [reading(scene.room, 1), reading(scene.room, 2)];
  await settled();
  scene.socket.lose();
  await pass(500);
  scene.socket.welcome({ after: 7, recovered: false });
  scene.socket.say("open", { seq: 2, at, by: OTHER, body: "x", length: 1 });
  scene.socket.live(7);
  await settled();
  assert.deepEqual(readers.map(({ code }) => code), ["gap", undefined]);
});

test("what was deleted has no more text", async () => {
  const scene = await Scene.live();
  scene.socket.message(1, open);
  const reader = reading(scene.room, 1);
  scene.socket.say("delete", { seq: 2, at, by: OTHER, target: 1 });
  await reader.done;
  assert.deepEqual(reader.chunks, []);
  const none = reading(scene.room, 2);
  await none.done;
  assert.equal(none.code, "not_found");
});

test("text that does not go where the text ends is asked for again", async () => {
  for (const [target, place] of [[1, 2], [1, 0], [9, 0]]) {
    const scene = await Scene.live();
    scene.socket.message(1, { ...open, body: "x" });
    scene.socket.say("append", { target, at: place, text: "y" });
    assert.equal(scene.states.at(-1).reason, "hole");
  }
});

test("text comes in its place between entries, joined, to whoever listens", async () => {
  const scene = await Scene.live();
  const told = [];
  scene.room.addEventListener("append", ({ detail }) => told.push(detail.text));
  scene.room.addEventListener("open", ({ detail }) => told.push(detail.body));
  const entries = scene.room[Symbol.asyncIterator]();
  scene.socket.message(1, open);
  scene.socket.say("append", { target: 1, at: 0, text: "a" });
  scene.socket.say("append", { target: 1, at: 1, text: "b" });
  scene.socket.message(2, open);
  scene.socket.say("append", { target: 2, at: 0, text: "c" });
  scene.socket.say("append", { target: 1, at: 2, text: "d" });
  scene.socket.say("open", { seq: 1, at, by: OTHER, body: "abd", length: 3 });
  assert.equal((await entries.next()).value.seq, 1);
  assert.deepEqual(told, []);
  assert.equal((await entries.next()).value.seq, 2);
  assert.deepEqual(told, ["ab"]);
  const next = entries.next();
  assert.deepEqual(told, ["ab", "c", "d", "abd"]);
  scene.socket.message(3);
  assert.equal((await next).value.seq, 3);
});

test("a loop over entries may read the text of one", async () => {
  const scene = await Scene.live();
  const texts = [];
  const loop = (async () => {
    for await (const entry of scene.room) {
      if (!entry.open) continue;
      for await (const text of scene.room.text(entry.seq)) texts.push(text);
    }
  })();
  scene.socket.message(1, open);
  await settled();
  scene.socket.say("append", { target: 1, at: 0, text: "ab" });
  await settled();
  scene.socket.say("finish", { seq: 2, at, by: OTHER, target: 1, state: "done" });
  scene.socket.message(3, { ...open, body: "c" });
  await settled();
  assert.deepEqual(texts, ["ab", "c"]);
  scene.room.close();
  await loop;
});

test("an author whose loop is slow keeps the connection", async () => {
  const { scene, stream } = await writing("", { buffer: 1 });
  scene.room[Symbol.asyncIterator]();
  scene.socket.messages(2, 3);
  await settled();
  assert.equal(scene.socket.query.tail, "0", "for what is written");
  scene.socket.welcome({ after: 3 });
  scene.socket.say("open", { seq: 1, at, by: ME, body: "", length: 0 });
  scene.socket.live(3);
  stream.append("x");
  assert.deepEqual(sent(scene), [[0, "x"]]);
  const end = fate(stream.finish());
  stored(scene, 1);
  await settled();
  const [{ ref }] = scene.socket.sentOf("finish");
  scene.socket.say("finish", { seq: 4, at, by: ME, ref, target: 1, state: "done" });
  scene.socket.say("ack", { ref, seq: 4, at });
  await settled();
  assert.deepEqual(end, { value: 4 });
});

test("a stop is a command", async () => {
  const scene = await Scene.live();
  const stopped = fate(scene.room.stop(1, { ref: "r" }));
  assert.deepEqual(scene.socket.sent, [{ type: "stop", ref: "r", target: 1 }]);
  scene.socket.say("ack", { ref: "r", seq: 2, at });
  await settled();
  assert.deepEqual(stopped, { value: 2 });
});

/** A conversation whose server is a script. */
class Talk extends Scene {
  open(url, options) {
    this.conversation = new Conversation(url, options);
    return this.conversation.room;
  }

  get shown() {
    return this.conversation.view.entries;
  }
}

test("what is shown is one message that grows, until it is finished", async () => {
  const talk = await Talk.live();
  const bodies = [];
  talk.conversation.subscribe(() => bodies.push(talk.shown[0].body.text));
  talk.socket.message(1, { ...open, body: { text: "", model: "m" } });
  talk.socket.say("append", { target: 1, at: 0, text: "Hel" });
  talk.socket.say("append", { target: 1, at: 3, text: "lo" });
  assert.equal(talk.shown[0].open, true);
  talk.socket.say("stop", { seq: 2, at, by: OTHER, target: 1 });
  talk.socket.say("finish", { seq: 3, at, by: OTHER, target: 1, state: "stopped" });
  assert.deepEqual(bodies, ["", "Hel", "Hello", "Hello", "Hello"]);
  const [{ open: isOpen, length, body, stop, finish }] = talk.shown;
  assert.deepEqual([isOpen, length, stop.by, finish.state], [undefined, undefined, OTHER, "stopped"]);
  assert.deepEqual(body, { text: "Hello", model: "m" });
  assert.equal(talk.shown.length, 1);
});

test("what is shown is replaced by what an open or a finish has", async () => {
  const talk = await Talk.live();
  talk.socket.message(1, open);
  talk.socket.message(2, { ...open, body: { parts: [{ text: "" }] } });
  talk.socket.say("append", { target: 2, at: 0, text: "p", part: 0 });
  talk.socket.say("open", { seq: 1, at, by: OTHER, body: "so far", length: 6 });
  talk.socket.say("open", { seq: 9, at, by: OTHER, body: "older than all that is shown", length: 6 });
  assert.deepEqual(talk.shown.map(({ body }) => body), ["so far", { parts: [{ text: "p" }] }]);
  talk.socket.say("finish", { seq: 3, at, by: OTHER, target: 1, state: "done", body: "whole" });
  talk.socket.say("delete", { seq: 4, at, by: OTHER, target: 2 });
  assert.deepEqual(talk.shown.map(({ body, open }) => [body, open]), [["whole", undefined], [undefined, undefined]]);
  talk.socket.say("edit", { seq: 5, at, by: OTHER, target: 1, body: "edited" });
  assert.equal(talk.shown[0].body, "edited");
});
