import assert from "node:assert/strict";
import { test } from "node:test";

import { linkify } from "../../../api/web/console/linkify.js";

const links = (text) =>
  linkify(text)
    .filter(({ href }) => href !== null)
    .map(({ text: link }) => link);

test("addresses become links, without what ends the sentence", () => {
  for (const [text, ...expected] of [
    ["see https://a.example/x?y=1#z.", "https://a.example/x?y=1#z"],
    ["http://a.example, HTTPS://B.example!", "http://a.example", "HTTPS://B.example"],
    ["(https://a.example/b_(c))", "https://a.example/b_(c)"],
    ["(see https://a.example)", "https://a.example"],
    ["**https://a.example/**", "https://a.example/"],
    ["\u201chttps://a.example/straße\u201d", "https://a.example/straße\u201d"],
  ]) assert.deepEqual(links(text), expected, text);
});

test("everything else stays text", () => {
  for (const text of [
    "javascript:alert(1)", "data:text/html,<b>", "vbscript:x", "file:///etc/x", "mailto:a@b.c",
    "javascript:https", "xhttps://", "https://", "http://", "https:/a.example", "www.a.example",
    "https://good.example@evil.example/", "https://user:secret@a.example/", "http://[bad", "",
  ]) assert.deepEqual(links(text), [], text);
});

test("an address ends where the text's direction turns, or at a control character", () => {
  assert.deepEqual(links("https://a.example/\u202egnp.exe"), ["https://a.example/"]);
  assert.deepEqual(links("https://a.example/a\u0007b"), ["https://a.example/a"]);
});

test("joined, the pieces are the text, and every link is http or https", () => {
  const text = "a https://a.example/<b>, (http://x.example:80/a|b) javascript:void http://\u0000 end";
  const pieces = linkify(text);
  assert.equal(pieces.map((piece) => piece.text).join(""), text);
  const hrefs = pieces.flatMap(({ href }) => href ?? []);
  assert.equal(hrefs.length, 2);
  for (const href of hrefs) assert.match(href, /^https?:\/\/[^@]+$/u);
});
