import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline } from "../../../api/web/console/timeline.js";
import { ADA, BOB, about, message, page, random, range, seqs } from "./entries.mjs";

/** A timeline of Ada's that shows a page. */
function shown(...bounds) {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(...bounds));
  return timeline;
}

test("live entries continue the newest page, each once", () => {
  const timeline = shown(1, 3);
  for (const seq of [4, 5]) timeline.apply(message(seq));
  timeline.apply(message(5));
  assert.deepEqual(seqs(timeline), [1, 2, 3, 4, 5]);
  assert.equal(timeline.isAtStart, true);
});

test("an edit, a reaction and a deletion change their target, and are no rows", () => {
  const timeline = shown(1, 2);
  timeline.apply(about("edit", 3, 1, { body: "better" }));
  timeline.apply(about("reaction", 4, 1, { value: "+1", on: true }));
  timeline.apply(about("reaction", 5, 1, { value: "+1", on: true }, ADA));
  timeline.apply(about("reaction", 6, 1, { value: "+1", on: false }));
  assert.equal(timeline.get(1).body, "better");
  assert.deepEqual([...timeline.get(1).reactions], [["+1", [ADA.id]]]);
  timeline.apply(about("delete", 7, 1));
  assert.equal(timeline.get(1).deleted, true);
  assert.equal(timeline.get(1).body, undefined);
  assert.equal(timeline.get(1).reactions.size, 0);
  assert.deepEqual(seqs(timeline), [1, 2]);
});

test("an erased or older edit changes nothing", () => {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(1, 1, 9, [message(1, BOB, { body: "newest", edited_seq: 9 })]));
  timeline.apply(about("edit", 5, 1, { body: "older" }));
  timeline.apply(about("edit", 10, 1, { deleted_seq: 11 }));
  assert.equal(timeline.get(1).body, "newest");
});

test("what happened while an older page was read is applied to it", () => {
  const timeline = shown(5, 8);
  timeline.apply(about("edit", 9, 2, { body: "changed meanwhile" }));
  timeline.apply(about("delete", 10, 3));
  timeline.prepend(page(1, 4, 8));
  assert.equal(timeline.get(2).body, "changed meanwhile");
  assert.equal(timeline.get(3).deleted, true);
  assert.deepEqual(seqs(timeline), range(1, 8));
});

test("a deleted message stays so, whatever older entries come after the page that told", () => {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(1, 1, 9, [message(1, BOB, { body: undefined, deleted_seq: 9 })]));
  timeline.apply(about("edit", 7, 1, { body: "erased" }));
  timeline.apply(about("reaction", 8, 1, { value: "+1", on: true }));
  assert.equal(timeline.get(1).body, undefined);
  assert.equal(timeline.get(1).reactions.size, 0);
});

test("pages that overlap show nothing twice", () => {
  const timeline = shown(4, 6);
  timeline.prepend(page(2, 5, 6));
  timeline.append(page(6, 8, 8));
  assert.deepEqual(seqs(timeline), [2, 3, 4, 5, 6, 7, 8]);
});

test("a page that was read before all that is remembered is stale", () => {
  const timeline = shown(1, 1);
  for (const seq of range(2, 3000)) timeline.apply(message(seq));
  assert.equal(timeline.isStale(page(1, 1, 5)), true);
  assert.equal(timeline.isStale(page(1, 1, 2999)), false);
});

test("without its newest end it takes no live messages until it reaches them again", () => {
  const timeline = shown(1, 10);
  assert.equal(timeline.trim("newest", 4), true);
  assert.equal(timeline.attached, false);
  timeline.apply(message(11));
  assert.deepEqual(seqs(timeline), [1, 2, 3, 4]);
  timeline.append(page(5, 9, 11));
  assert.equal(timeline.attached, false);
  timeline.append(page(10, 11, 11));
  assert.equal(timeline.attached, true);
  timeline.apply(message(12));
  assert.deepEqual(seqs(timeline), range(1, 12));
});

test("what is trimmed at the old end can be fetched again", () => {
  const timeline = shown(1, 10);
  timeline.trim("oldest", 3);
  assert.deepEqual([timeline.from, timeline.isAtStart, timeline.get(7)], [8, false, undefined]);
  timeline.prepend(page(1, 7, 10));
  assert.deepEqual(seqs(timeline), range(1, 10));
  assert.equal(timeline.trim("oldest", 10), false);
});

test("what was written waits until its entry comes, and only our own entry counts", () => {
  const timeline = shown(1, 1);
  timeline.write("r1", "mine", "2026-01-31T12:00:00Z");
  timeline.apply(message(2, BOB, { ref: "r1" }));
  assert.equal(timeline.pending.length, 1);
  timeline.confirm("r1", 3);
  assert.equal(timeline.pending.length, 1);
  timeline.apply(message(3, ADA, { ref: "r1" }));
  assert.equal(timeline.pending.length, 0);
  assert.equal(timeline.lastOf(ADA.id).seq, 3);
});

test("a refused message stays with its reason until it is sent again or discarded", () => {
  const timeline = shown(1, 1);
  timeline.write("r1", "mine", "2026-01-31T12:00:00Z");
  timeline.mark("r1", "Too long.");
  timeline.mark("nobody's", "Never shown.");
  const [pending] = timeline.pending;
  assert.deepEqual([pending.state, pending.reason], ["failed", "Too long."]);
  timeline.mark("r1", null);
  assert.deepEqual([pending.state, pending.reason], ["pending", ""]);
  timeline.discard("r1");
  assert.deepEqual(timeline.pending, []);
});

test("a log that begins anew keeps only what waits to be sent", () => {
  const timeline = shown(1, 9);
  timeline.apply(message(10));
  timeline.write("r1", "mine", "2026-01-31T12:00:00Z");
  timeline.forget();
  timeline.reset({ entries: [], from: 3, to: 2, head: 2, oldest: 1 });
  timeline.apply(message(3));
  assert.deepEqual(seqs(timeline), [3]);
  assert.deepEqual([timeline.from, timeline.isAtStart, timeline.pending.length], [3, false, 1]);
});

test("pages and live entries in any interleaving end in the same state", () => {
  const log = [];
  const chance = random(7);
  for (const seq of range(1, 400)) {
    const target = 1 + Math.floor(chance() * (seq - 1));
    const kind = seq < 5 || log[target - 1]?.type !== "message" ? 0 : chance();
    if (kind < 0.5) log.push(message(seq));
    else if (kind < 0.7) log.push(about("edit", seq, target, { body: `edit ${seq}` }));
    else if (kind < 0.8) log.push(about("delete", seq, target));
    else log.push(about("reaction", seq, target, { value: "+1", on: chance() < 0.6 }));
  }
  const whole = new Timeline(ADA.id);
  whole.reset(page(1, 0, 0));
  for (const entry of log) whole.apply(entry);

  const pageAt = (head, from, to) => {
    const state = new Timeline(ADA.id);
    state.reset(page(1, 0, 0));
    for (const entry of log.slice(0, head)) state.apply(entry);
    const asSent = state.records.filter(({ seq }) => seq >= from && seq <= to).map((record) => ({
      ...record.entry,
      body: record.body,
      ...(record.edited ? { edited_seq: record.edited } : {}),
      ...(record.deleted ? { deleted_seq: head } : {}),
      reactions: Object.fromEntries(record.reactions),
    }));
    return page(from, to, head, asSent);
  };
  const parts = new Timeline(ADA.id);
  parts.reset(pageAt(200, 150, 200));
  for (const entry of log.slice(200, 300)) parts.apply(entry);
  parts.prepend(pageAt(230, 80, 149));
  for (const entry of log.slice(300, 350)) parts.apply(entry);
  parts.prepend(pageAt(380, 1, 79));
  parts.trim("newest", 60);
  for (const entry of log.slice(350)) parts.apply(entry);
  while (!parts.attached) parts.append(pageAt(400, parts.to + 1, Math.min(400, parts.to + 70)));

  const view = ({ records }) =>
    records.map(({ seq, body, deleted, reactions }) => [seq, body, deleted, [...reactions]]);
  assert.deepEqual(view(parts), view(whole));
});

test("a text grows on the screen as the socket tells, whatever page it came with", () => {
  const timeline = new Timeline("me");
  timeline.reset({ entries: [], from: 1, to: 0, head: 0, oldest: 1 });
  const message = { type: "message", seq: 1, at: "2026-01-31T15:25:13.207Z", by: { id: "b", name: "B" } };
  timeline.apply({ ...message, open: true, body: { text: "" } });
  timeline.grow({ type: "append", target: 1, text: "Hel" });
  timeline.grow({ type: "append", target: 9, text: "of what?" });
  assert.deepEqual([timeline.get(1).body, timeline.get(1).open], [{ text: "Hel" }, true]);
  // A page that was read before the last addition came.
  timeline.reset({ entries: [{ ...message, open: true, body: { text: "H" } }], from: 1, to: 1, head: 1, oldest: 1 });
  assert.deepEqual(timeline.get(1).body, { text: "Hel" });
  timeline.grow({ type: "append", target: 1, text: "lo" });
  const finish = { type: "finish", seq: 2, at: message.at, by: message.by, target: 1, state: "interrupted" };
  timeline.apply(finish);
  assert.deepEqual([timeline.get(1).body, timeline.get(1).open], [{ text: "Hello" }, false]);
  // Who had every addition is told of the end without the text, which this page lacks.
  timeline.reset({ entries: [{ ...message, open: true, body: { text: "Hel" } }], from: 1, to: 1, head: 1, oldest: 1 });
  const { body, open, end } = timeline.get(1);
  assert.deepEqual([body, open, end.state], [{ text: "Hello" }, false, "interrupted"]);
});

test("how a text ended is known of messages of other pages", () => {
  const timeline = new Timeline("me");
  const by = { id: "b", name: "B" };
  const at = "2026-01-31T15:25:13.207Z";
  const finish = { type: "finish", seq: 3, at, by, target: 1, state: "failed" };
  timeline.reset({ entries: [{ type: "message", seq: 2, at, by, body: "x" }, finish], from: 2, to: 3, head: 3, oldest: 1 });
  assert.deepEqual(timeline.records.map(({ seq }) => seq), [2]);
  timeline.prepend({ entries: [{ type: "message", seq: 1, at, by, body: ["a"] }], from: 1, to: 1, head: 3, oldest: 1 });
  assert.deepEqual(timeline.records.map(({ end }) => end?.state), ["failed", undefined]);
});

test("parts grow, an open replaces, and what is deleted grows no more", () => {
  const timeline = new Timeline("me");
  const by = { id: "b", name: "B" };
  const at = "2026-01-31T15:25:13.207Z";
  timeline.reset({ entries: [], from: 1, to: 0, head: 0, oldest: 1 });
  timeline.apply({ type: "message", seq: 1, at, by, open: true, body: { parts: [{}, { text: "a" }] } });
  timeline.grow({ type: "append", target: 1, part: 1, text: "b" });
  assert.deepEqual(timeline.get(1).body, { parts: [{}, { text: "ab" }] });
  timeline.apply({ type: "message", seq: 2, at, by, open: true, body: "" });
  timeline.grow({ type: "append", target: 2, text: "x" });
  timeline.grow({ type: "open", seq: 2, body: "xyz" });
  timeline.apply({ type: "stop", seq: 3, at, by, target: 2 });
  assert.deepEqual([timeline.get(2).body, timeline.get(2).isStopping], ["xyz", true]);
  timeline.apply({ type: "delete", seq: 4, at, by, target: 2 });
  timeline.grow({ type: "append", target: 2, text: "!" });
  assert.deepEqual([timeline.get(2).body, timeline.get(2).open], [undefined, false]);
});
