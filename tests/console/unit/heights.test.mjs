import assert from "node:assert/strict";
import { test } from "node:test";

import { Heights } from "../../../api/web/console/heights.js";
import { random, range } from "./entries.mjs";

const rows = (...keys) => keys.map((key) => ({ key: String(key) }));

/** Heights of rows 0, 1, 2 …, each estimated at 10. */
function heights(count) {
  const all = new Heights(() => 10);
  all.setRows(rows(...range(0, count - 1)));
  return all;
}

test("rows stand below each other, measured or estimated", () => {
  const all = heights(4);
  assert.equal(all.measure("1", 25), true);
  assert.deepEqual(range(0, 4).map((index) => all.top(index)), [0, 10, 35, 45, 55]);
  assert.equal(all.total, 55);
});

test("a height that is known, or of no row, is no news", () => {
  const all = heights(2);
  all.measure("0", 30);
  assert.equal(all.measure("0", 30), false);
  assert.equal(all.measure("gone", 30), false);
});

test("the row at a distance is found, also beyond the ends", () => {
  const all = heights(3);
  all.measure("1", 100);
  assert.deepEqual([-50, 0, 9.9, 10, 109, 110, 5000].map((y) => all.at(y)), [0, 0, 0, 1, 1, 2, 2]);
  assert.equal(heights(0).at(7), 0);
});

test("rows in front move the others, whose heights are kept", () => {
  const all = heights(2);
  all.measure("0", 50);
  all.setRows(rows("a", "b", 0, 1));
  assert.equal(all.top(all.indexOf("0")), 20);
  assert.equal(all.top(all.indexOf("1")), 70);
  all.setRows(rows("a", "b", 1));
  all.setRows(rows("a", "b", 0, 1));
  assert.equal(all.height(all.indexOf("0")), 10);
});

test("with another width every height is an estimate again", () => {
  const all = heights(2);
  all.measure("0", 50);
  all.forget();
  assert.equal(all.total, 20);
});

test("tops are right after any order of measuring and asking", () => {
  const chance = random(3);
  const all = heights(300);
  const truth = Array(300).fill(10);
  for (let turn = 0; turn < 500; turn += 1) {
    const index = Math.floor(chance() * 300);
    truth[index] = 1 + Math.floor(chance() * 90);
    all.measure(String(index), truth[index]);
    const asked = Math.floor(chance() * 301);
    const top = truth.slice(0, asked).reduce((sum, height) => sum + height, 0);
    assert.equal(all.top(asked), top);
    if (asked < 300) assert.equal(all.at(top), asked);
  }
});
