import assert from "node:assert/strict";
import { test } from "node:test";

import { Attention } from "../../../api/web/console/attention.js";

test("the line stays where the first missed message was, until the reader answers", () => {
  const attention = new Attention();
  attention.miss(8);
  attention.miss(9);
  assert.deepEqual([attention.newAfter, attention.unseen], [7, 2]);
  attention.look();
  assert.deepEqual([attention.newAfter, attention.unseen], [7, 0]);
  attention.answer();
  assert.equal(attention.newAfter, null);
});

test("who leaves after reading all of it finds the line at what comes then", () => {
  const attention = new Attention();
  attention.come(3);
  attention.leave();
  attention.miss(12);
  assert.equal(attention.newAfter, 11);
});

test("who leaves without having seen all keeps the line", () => {
  const attention = new Attention();
  attention.miss(5);
  attention.leave();
  assert.equal(attention.newAfter, 4);
});
