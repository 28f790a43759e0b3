import assert from "node:assert/strict";
import { test } from "node:test";

import { withMentions } from "../../../api/web/console/mentions.js";

const members = new Set(["ada", "bob", "c.d", "e."]);
const named = (text) => withMentions(text, members).mentions ?? null;

test("members that a text names are in its body, each once", () => {
  const text = "@ada, see? (@bob) @ADA";
  assert.deepEqual(withMentions(text, members), { text, mentions: ["ada", "bob"] });
});

test("a text that names nobody stays a text", () => {
  for (const text of ["ada", "@eve", "mail@ada", "@@ada", "x.@ada", "@adam", "@", ""]) {
    assert.equal(withMentions(text, members), text, text);
  }
});

test("what ends a sentence is no part of a name, unless it is", () => {
  assert.deepEqual(named("ask @bob."), ["bob"]);
  assert.deepEqual(named("@c.d."), ["c.d"]);
  assert.deepEqual(named("@e."), ["e."]);
  assert.deepEqual(named("@bob._-"), ["bob"]);
});

test("what stands beside a text stays, and other bodies are left alone", () => {
  const answer = { text: "@bob yes", reply_to: 7 };
  assert.deepEqual(withMentions(answer, members), { ...answer, mentions: ["bob"] });
  assert.equal(withMentions(7, members), 7);
});

test("a text that is changed names whom it names by then, and whom a program has named", () => {
  const before = { text: "@ada and @bob", mentions: ["ada", "bob", "c.d"], reply_to: 7 };
  const changed = (text) => withMentions({ ...before, text }, members, before);
  assert.deepEqual(changed("only @bob"), { text: "only @bob", reply_to: 7, mentions: ["c.d", "bob"] });
  assert.deepEqual(changed("nobody").mentions, ["c.d"]);
  const own = { text: "@ada", mentions: ["ada"] };
  assert.deepEqual(withMentions({ ...own, text: "nobody" }, members, own), { text: "nobody" });
  assert.deepEqual(withMentions({ text: "@bob" }, members, "plain"), { text: "@bob", mentions: ["bob"] });
});
