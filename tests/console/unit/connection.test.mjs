import assert from "node:assert/strict";
import { test } from "node:test";

import { describe } from "../../../api/web/console/connection.js";

test("every state of a connection is told in words", () => {
  assert.deepEqual(describe("connecting"), ["Connecting…", ""]);
  assert.deepEqual(describe("resuming", "lost"), ["Resuming…", ""]);
  assert.deepEqual(describe("live"), ["Live", ""]);
  const waiting = "Waiting to reconnect";
  assert.deepEqual(describe("waiting", "restart"), [waiting, "The server restarts."]);
  assert.deepEqual(describe("waiting", "lost"), [waiting, "The connection was lost."]);
  assert.deepEqual(describe("refused", "removed"), ["Refused", "You were removed from this item."]);
  assert.deepEqual(describe("refused", "new"), ["Refused", "The server did not let you in."]);
  assert.deepEqual(describe("closed"), ["Closed", ""]);
});
