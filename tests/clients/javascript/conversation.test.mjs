// What there is to see of a room.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation, Refused, share } from "../../../api/web/itemroom.js";
import { ME, OTHER, Scene, pass, settled } from "./scripted.mjs";

/** A conversation whose server is a script. */
class Talk extends Scene {
  open(url, options) {
    this.conversation = new Conversation(url, options);
    return this.conversation.room;
  }

  get view() {
    return this.conversation.view;
  }

  /** Some field of all entries. */
  see(field) {
    return this.view.entries.map((entry) => entry[field]);
  }
}

const at = "2026-01-31T15:25:13.207Z";

test("entries are shown as they stand after all that came of them", async () => {
  const talk = await Talk.live();
  talk.socket.messages(1, 3);
  talk.socket.say("edit", { seq: 4, at, by: OTHER, target: 1, body: "new" });
  talk.socket.say("delete", { seq: 5, at, by: OTHER, target: 2 });
  talk.socket.say("reaction", { seq: 6, at, by: OTHER, target: 2, value: "👍", on: true });
  for (const [seq, by, on] of [[7, OTHER, true], [8, ME, true], [9, OTHER, true], [10, ME, false]]) {
    talk.socket.say("reaction", { seq, at, by, target: 3, value: "👍", on });
  }
  talk.socket.say("member", { seq: 11, at, by: OTHER, user: ME, role: "reader" });
  talk.socket.say("edit", { seq: 12, at, by: OTHER, target: 99, body: "of what?" });
  assert.deepEqual(talk.see("key"), ["seq/1", "seq/2", "seq/3", "seq/11"]);
  assert.deepEqual(talk.see("body"), ["new", undefined, 3, undefined]);
  assert.deepEqual(talk.see("deleted_seq"), [undefined, 5, undefined, undefined]);
  assert.deepEqual(talk.see("reactions"), [{}, {}, { "👍": [OTHER] }, {}]);
  talk.socket.say("reaction", { seq: 13, at, by: OTHER, target: 3, value: "👍", on: false });
  assert.deepEqual(talk.see("reactions")[2], {});
});

test("a message that was replayed as it stands now is not set back by its older edits", async () => {
  const talk = await Talk.live();
  talk.socket.message(1, { body: "third", edited_seq: 3 });
  talk.socket.say("edit", { seq: 2, at, by: OTHER, target: 1, body: "second" });
  assert.deepEqual(talk.see("body"), ["third"]);
  talk.socket.say("edit", { seq: 3, at, by: OTHER, target: 1, body: "third" });
  talk.socket.say("edit", { seq: 4, at, by: OTHER, target: 1, deleted_seq: 5 });
  assert.deepEqual(talk.see("body"), ["third"]);
});

test("the view is one object until something changes, and a replay is one change", async () => {
  const talk = new Talk();
  await settled();
  talk.socket.welcome();
  const views = new Set();
  const end = talk.conversation.subscribe(() => views.add(talk.view));
  assert.equal(talk.view, talk.view);
  talk.socket.messages(1, 50);
  assert.equal(views.size, 0);
  talk.socket.live(50);
  assert.deepEqual([views.size, talk.view.entries.length, talk.view.status], [1, 50, "live"]);
  talk.socket.message(51);
  assert.equal(views.size, 2);
  end();
  talk.socket.message(52);
  assert.equal(views.size, 2);
  assert.deepEqual(talk.view.presence, { count: 1, users: [{ id: ME.id, name: ME.name }] });
  assert.deepEqual([talk.view.you, talk.view.title], [ME, "Room"]);
});

test("what is published is shown at once, and the stored entry takes its place", async () => {
  const talk = await Talk.live();
  const ref = talk.conversation.publish("mine");
  assert.deepEqual([talk.see("status"), talk.see("by")], [["pending"], [ME]]);
  const [key] = talk.see("key");
  talk.socket.message(1, { ref }); // Another's, who has chosen the same.
  talk.socket.message(2, { ref, by: OTHER });
  assert.deepEqual(talk.see("status"), ["stored", "stored", "pending"]);
  talk.socket.message(3, { ref, by: { id: ME.id, name: ME.name }, body: "mine" });
  assert.ok(talk.conversation.isWaiting === false);
  talk.socket.say("ack", { ref, seq: 3, at });
  await settled();
  assert.deepEqual(talk.see("status"), ["stored", "stored", "stored"]);
  assert.equal(talk.see("key")[2], key);
});

test("an ack that comes before its entry leaves the message where it is", async () => {
  const talk = await Talk.live();
  const ref = talk.conversation.publish("mine");
  talk.socket.say("ack", { ref, seq: 2, at });
  await settled();
  assert.deepEqual(talk.see("status"), ["pending"]);
  talk.socket.message(1);
  assert.deepEqual(talk.see("status"), ["stored", "pending"]);
  talk.socket.message(2, { ref, by: ME });
  assert.deepEqual([talk.see("status"), talk.see("key")[1]], [["stored", "stored"], `ref/${ref}`]);
});

test("a message that was stored before is not shown twice", async () => {
  const talk = await Talk.live();
  talk.socket.message(1, { ref: "r1", by: ME, body: "mine" });
  talk.conversation.publish("mine", { ref: "r1" });
  assert.deepEqual(talk.see("status"), ["stored", "pending"]);
  talk.socket.say("ack", { ref: "r1", seq: 1, at, duplicate: true });
  await settled();
  assert.deepEqual(talk.see("status"), ["stored"]);
});

test("a message that was refused stays with its error, until it is sent again or discarded", async () => {
  const talk = await Talk.live();
  const [first, second] = ["one", "two"].map((body) => talk.conversation.publish(body));
  for (const ref of [first, second]) talk.socket.say("error", { ref, code: "forbidden", message: "No." });
  await settled();
  assert.deepEqual(talk.see("status"), ["failed", "failed"]);
  assert.ok(talk.see("error").every((error) => error instanceof Refused && error.code === "forbidden"));
  talk.conversation.retry(first);
  talk.conversation.retry(first);
  talk.conversation.discard(first);
  talk.conversation.discard(second);
  assert.deepEqual([talk.see("status"), talk.see("error")], [["pending"], [null]]);
  assert.deepEqual(talk.socket.sentOf("publish", "ref"), [first, second, first]);
});

test("after a gap everything is shown anew, but what waits stays", async () => {
  const talk = await Talk.live();
  talk.socket.messages(1, 3);
  const ref = talk.conversation.publish("mine");
  talk.socket.say("ack", { ref, seq: 7, at });
  talk.conversation.publish("still waits");
  await talk.reconnected({ after: 6, epoch: "e2", recovered: false, head: 6 });
  assert.deepEqual(talk.see("status"), ["pending", "pending"]);
  talk.socket.message(7);
  talk.socket.message(8);
  assert.deepEqual(talk.see("body"), [7, 8, "still waits"]);
});

test("no more than a thousand are kept, the newest", async () => {
  const talk = await Talk.live();
  talk.socket.messages(1, 1005);
  assert.deepEqual([talk.see("seq")[0], talk.view.entries.length], [6, 1000]);
});

test("those who share a room have one, until the last has left and its messages are stored", async () => {
  const sockets = [];
  function WebSocket() {
    sockets.push({ readyState: 0, close() {}, send() {} });
    return sockets.at(-1);
  }
  const options = { url: "http://server/", WebSocket };
  const one = share("i", options);
  const two = share("i", { ...options, url: "http://server" });
  const other = share("i", { ...options, user: "bob" });
  await settled();
  assert.equal(one.conversation, two.conversation);
  assert.deepEqual([one.conversation === other.conversation, sockets.length], [false, 2]);
  one.leave();
  one.leave();
  await pass(1);
  assert.equal(one.conversation.view.status, "connecting");
  two.leave();
  const back = share("i", options);
  await pass(1);
  assert.equal(back.conversation, one.conversation, "whoever leaves may be back at once");
  back.conversation.publish("mine");
  back.leave();
  await pass(59_000);
  assert.notEqual(one.conversation.view.status, "closed");
  await pass(1_500);
  assert.equal(one.conversation.view.status, "closed");
  const anew = share("i", options);
  assert.notEqual(anew.conversation, one.conversation);
  anew.leave();
  other.leave();
  await pass(1);
  assert.deepEqual([anew, other].map(({ conversation }) => conversation.view.status), ["closed", "closed"]);
});
