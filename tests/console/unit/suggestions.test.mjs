import assert from "node:assert/strict";
import { test } from "node:test";

import { begunAt, matching } from "../../../api/web/console/suggestions.js";

test("a mention is begun where one could stand", () => {
  for (const [text, word] of [
    ["@", ""], ["@a", "a"], ["hi @A.b-", "a.b-"], ["(@bo", "bo"], ["a\n@bo", "bo"],
    ["@bo ", null], ["mail@bo", null], ["@@bo", null], ["bo", null], ["", null], ["@bö", null],
  ]) assert.equal(begunAt(text, text.length)?.word ?? null, word, text);
  assert.deepEqual(begunAt("hi @bo and more", 6), { word: "bo", start: 3 });
  assert.deepEqual(begunAt(`${"x ".repeat(500)}@bo`, 1003), { word: "bo", start: 1000 });
});

const person = (username, name, isHere = false) => ({ user: { id: username, name }, username, isHere });
const people = [
  person("zoe", "Zoe Adams"), person("ada", "Ada", true), person("al", "Al"), person("bob", "Ali Bob", true),
];
const found = (word) => matching(people, word).map(({ username }) => username);

test("members are found by username and by each name, who is here first", () => {
  assert.deepEqual(found("a"), ["ada", "bob", "al", "zoe"]);
  assert.deepEqual(found("ad"), ["ada", "zoe"]);
  assert.deepEqual(found("bo"), ["bob"]);
  assert.deepEqual(found("x"), []);
  assert.equal(matching(Array.from({ length: 20 }, (_, n) => person(`u${n}`, "U")), "").length, 8);
});
