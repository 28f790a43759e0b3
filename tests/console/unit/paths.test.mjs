import assert from "node:assert/strict";
import { test } from "node:test";

import { NOWHERE, lastSegment, segment } from "../../../api/web/console/paths.js";

/** What a browser makes of it. @param {string} part */
const pathOf = (part) => new URL(`/items/order-17/members/${part}`, "http://localhost").pathname;

test("a value in a path stays one, whatever a browser makes of the path", () => {
  const values = ["ada", "ext:a/b", "a b", "?a", "#a", "%2e%2e", "a..b", "...", "\n", "é", "a\\b"];
  for (const value of values) {
    const last = pathOf(lastSegment(value)).split("/").at(-1);
    assert.equal(decodeURIComponent(last), value);
  }
});

test("what would lead to somewhere else leads nowhere", () => {
  for (const value of ["", ".", "..", "a/..", "../a", "a/./b", "..\\a", "\ud800"]) {
    assert.equal(lastSegment(value), NOWHERE, value);
    assert.equal(segment(value), NOWHERE, value);
  }
  for (const value of ["a/b", "/", "a\\b"]) assert.equal(segment(value), NOWHERE, value);
});
