import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ago,
  counted,
  dayKey,
  dayName,
  device,
  hue,
  initials,
  listed,
  reasonFor,
  shown,
  textOf,
  withText,
} from "../../../api/web/console/format.js";

const NOON = new Date(2026, 2, 10, 12).getTime();
const at = (ms) => new Date(ms).toISOString();

test("days are told as a person would", () => {
  assert.equal(dayName(at(NOON - 60_000), NOON), "Today");
  assert.equal(dayName(at(NOON - 86_400_000), NOON), "Yesterday");
  assert.match(dayName(at(NOON - 5 * 86_400_000), NOON), /5/u);
  assert.match(dayName(at(NOON - 400 * 86_400_000), NOON), /2025/u);
  assert.notEqual(dayKey(at(NOON)), dayKey(at(NOON - 86_400_000)));
});

test("last activity is short, and a clock that is ahead does no harm", () => {
  assert.equal(ago(at(NOON - 20_000), NOON), "now");
  assert.equal(ago(at(NOON + 90_000), NOON), "now");
  assert.equal(ago(at(NOON - 5 * 60_000), NOON), "5 min");
  assert.match(ago(at(NOON - 2 * 3_600_000), NOON), /10/u);
  assert.match(ago(at(NOON - 5 * 86_400_000), NOON), /5/u);
});

test("counts and lists of names read well", () => {
  const entries = (count) => counted(count, "entry", "entries");
  assert.deepEqual([entries(1), entries(0)], ["1 entry", "0 entries"]);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((count) => listed(["Ada", "Bob", "Cy", "Di"].slice(0, count))),
    ["", "Ada", "Ada and Bob", "Ada, Bob and Cy", "Ada, Bob and 2 others"],
  );
});

test("everybody has initials and always the same colour", () => {
  const names = ["Ada Lovelace", "bob", "Ada B. Cy", "😀 x", " "];
  assert.deepEqual(names.map(initials), ["AL", "B", "AC", "😀X", ""]);
  assert.equal(hue("u-1"), hue("u-1"));
  for (const id of ["", "a", "u-1", "😀"]) assert.ok(hue(id) >= 0 && hue(id) < 10);
});

test("a body of any kind has something to show, and only text can be edited", () => {
  assert.deepEqual(shown("hi"), { text: "hi", isCode: false });
  assert.deepEqual(shown({ text: "hi" }), { text: "hi", isCode: false });
  assert.deepEqual(shown({ text: "hi", mentions: ["bob"] }), { text: "hi", isCode: false });
  assert.deepEqual(shown({ n: 1 }), { text: '{\n  "n": 1\n}', isCode: true });
  for (const body of [null, undefined, 7, true, [], {}, { text: 7 }, ["a"]]) {
    assert.equal(shown(body).isCode, true);
    assert.equal(textOf(body), null);
  }
});

test("an edited body keeps its form", () => {
  assert.equal(withText("old", "new"), "new");
  assert.deepEqual(withText({ text: "old" }, "new"), { text: "new" });
  const reply = { text: "old", reply_to: 7 };
  assert.deepEqual(withText(reply, "new"), { text: "new", reply_to: 7 });
});

test("every refusal is told in words", () => {
  assert.equal(reasonFor("removed"), "You were removed from this item.");
  assert.equal(reasonFor("never heard of", "The server says no."), "The server says no.");
  assert.equal(reasonFor(null), "The connection was lost.");
});

test("a browser is named by what it is, a program by its name", () => {
  const mozilla = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
  assert.equal(device(`${mozilla} Chrome/140.0 Safari/537.36`), "Chrome on Linux");
  assert.equal(device(`${mozilla} Chrome/140.0 Safari/537.36 Edg/140.0`), "Edge on Linux");
  assert.equal(device("Mozilla/5.0 (iPhone; CPU) Version/18 Safari/604.1"), "Safari on iPhone");
  assert.equal(device("Mozilla/5.0 Firefox/140.0"), "Firefox");
  assert.equal(device("curl/8.5.0"), "curl");
  assert.equal(device(null), "Unknown");
});
