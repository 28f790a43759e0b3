import assert from "node:assert/strict";
import { test } from "node:test";

import { ticketSnippets, tokenSnippets } from "../../../api/web/console/snippets.js";

const PLACE = { server: "https://rooms.example:8443", item: "order-17", token: "a.b-c_d" };

test("every snippet names the server, the item and the token", () => {
  for (const { id, code } of tokenSnippets({ ...PLACE, canWrite: true })) {
    const parts = ["rooms.example:8443", "order-17", "a.b-c_d", "Hello"];
    for (const part of parts) assert.ok(code.includes(part), id);
  }
});

test("a token that may only read gets snippets that only read", () => {
  for (const { id, code } of tokenSnippets({ ...PLACE, canWrite: false })) {
    assert.ok(!code.includes("Hello") && !code.includes("publish"), id);
  }
});

test("a ticket goes into the socket's address", () => {
  for (const { code } of ticketSnippets({ server: PLACE.server, item: "order-17", ticket: "t1" })) {
    assert.ok(code.includes('"wss://rooms.example:8443/items/order-17/ws?ticket=t1"'));
  }
});
