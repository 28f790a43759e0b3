import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "../../../api/web/console/rows.js";
import { Timeline } from "../../../api/web/console/timeline.js";
import { ADA, BOB, about, message, page, range } from "./entries.mjs";

const VIEW = { me: ADA.id, newAfter: null, edge: "more" };

/** The rows of a log of such entries, as short words. */
function rows(entries, view = {}, prepare = () => {}) {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(1, entries.length, entries.length, entries));
  prepare(timeline);
  return rowsOf(timeline, { ...VIEW, ...view });
}
const words = (list) => list.map((row) => `${row.kind}${row.isFirst ? "+" : ""}`).join(" ");

test("messages of one author within minutes are a group", () => {
  const later = message(4, BOB, { at: new Date(Date.UTC(2026, 0, 31, 12, 30)).toISOString() });
  const entries = [message(1), message(2), message(3, ADA), later];
  assert.equal(words(rows(entries)), "edge day message+ message message+ message+");
});

test("a long run of one author says again who and when", () => {
  const at = (minute) => new Date(Date.UTC(2026, 0, 31, 12, minute)).toISOString();
  const slow = [0, 4, 8, 12].map((minute, index) => message(index + 1, BOB, { at: at(minute) }));
  assert.equal(words(rows(slow)), "edge day message+ message message+ message+");
  const quick = rows(range(1, 50).map((seq) => message(seq)));
  const firsts = quick.filter((row) => row.isFirst).map((row) => row.record.seq);
  assert.deepEqual(firsts, [1, 20, 40]);
});

test("who and when stand where they stood when older messages come before them", () => {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(31, 60));
  const firsts = () => rowsOf(timeline, VIEW).filter((row) => row.isFirst).map((row) => row.key);
  const before = firsts();
  timeline.prepend(page(1, 30, 60));
  assert.deepEqual(firsts().slice(-2), before.slice(-2));
});

test("each local day has its line, and begins a group", () => {
  const next = message(2, BOB, { at: new Date(Date.UTC(2026, 1, 3, 12)).toISOString() });
  assert.equal(words(rows([message(1), next])), "edge day message+ day message+");
});

test("the line of what is new stands before the first unread message of somebody else", () => {
  const entries = [message(1), message(2, ADA), message(3), message(4)];
  const after = (newAfter) => words(rows(entries, { newAfter }));
  assert.equal(after(1), "edge day message+ message+ new message+ message");
  assert.equal(after(4), "edge day message+ message+ message+ message");
});

test("no line is drawn while what was read last is not known", () => {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(5, 6, 6));
  assert.equal(words(rowsOf(timeline, { ...VIEW, newAfter: 2 })), "edge day message+ message");
  assert.equal(words(rowsOf(timeline, { ...VIEW, newAfter: 4 })), "edge day new message+ message");
});

test("changes of members and of the item stand between the messages", () => {
  const note = { ...about("member", 2), target: undefined, user: ADA, role: "writer" };
  assert.equal(words(rows([message(1), note, message(3)])), "edge day message+ note message+");
});

test("what waits to be sent comes last, and only where the newest messages are", () => {
  const write = (timeline) => timeline.write("r1", "mine", "2026-01-31T12:00:02Z");
  assert.equal(words(rows([message(1, ADA)], {}, write)), "edge day message+ pending");
  const away = (timeline) => {
    write(timeline);
    timeline.trim("newest", 1);
  };
  assert.equal(words(rows([message(1, ADA), message(2)], {}, away)), "edge day message+");
});

test("the row at the top says how the past stands", () => {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(5, 6, 6));
  for (const edge of ["more", "loading", "failed"]) {
    assert.equal(rowsOf(timeline, { ...VIEW, edge })[0].state, edge);
  }
  timeline.prepend(page(1, 4, 6));
  assert.equal(rowsOf(timeline, { ...VIEW, edge: "loading" })[0].state, "start");
});

test("a row is drawn again exactly when something about it has changed", () => {
  const timeline = new Timeline(ADA.id);
  timeline.reset(page(1, 2));
  const signs = () => rowsOf(timeline, VIEW).map((row) => row.sign);
  const before = signs();
  assert.deepEqual(signs(), before);
  timeline.apply(about("edit", 3, 2, { body: "better" }));
  const after = signs();
  assert.deepEqual(after.slice(0, 3), before.slice(0, 3));
  assert.notEqual(after[3], before[3]);
});

test("keys are unique and stay with what they name", () => {
  const keys = (from) => {
    const timeline = new Timeline(ADA.id);
    timeline.reset(page(from, 6, 6));
    return rowsOf(timeline, VIEW).map((row) => row.key);
  };
  assert.equal(new Set(keys(1)).size, keys(1).length);
  assert.deepEqual(keys(4).filter((key) => keys(1).includes(key)), keys(4));
});
