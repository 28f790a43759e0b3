// What people read of a body.
import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "../../../api/web/itemroom.js";

test("a body is its text, its JSON where it has none, and nothing where it was erased", () => {
  assert.equal(textOf("hi"), "hi");
  assert.equal(textOf({ text: "hi", mentions: ["bob"] }), "hi");
  assert.equal(textOf({ text: 7 }), '{"text":7}');
  assert.equal(textOf({ é: [1, null] }), '{"é":[1,null]}');
  assert.equal(textOf(["hi"]), '["hi"]');
  assert.equal(textOf(null), "null");
  assert.equal(textOf(undefined), "");
});
