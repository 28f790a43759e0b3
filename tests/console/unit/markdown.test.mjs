import assert from "node:assert/strict";
import { test } from "node:test";

import { blocksOf, evened, wordsIn } from "../../../api/web/console/markdown.js";

const tokensOf = (text) => blocksOf(text).flatMap(({ tokens }) => tokens);
const all = (text) => tokensOf(text).flatMap((token) => [token, ...(token.children ?? [])]);
const types = (text) => all(text).map(({ type }) => type);
const hrefs = (text) => all(text).flatMap(({ attrs }) => attrs ?? [])
  .filter(([name]) => name === "href" || name === "src").map(([, value]) => value);
const texts = (text) => all(text).filter(({ type }) => type !== "inline")
  .map(({ content }) => content).join("");

test("what people write is read as they mean it", () => {
  for (const [text, type] of [
    ["*a*", "em_open"], ["**a**", "strong_open"], ["~~a~~", "s_open"], ["`a`", "code_inline"],
    ["```js\na", "fence"], ["- a", "bullet_list_open"], ["1. a", "ordered_list_open"],
    ["> a", "blockquote_open"], ["# a", "heading_open"], ["|a|b|\n|-|-|", "table_open"],
    ["a\nb", "softbreak"], ["https://a.example", "link_open"], ["[a](https://b.example)", "link_open"],
    ["<a@b.example>", "link_open"], ["![a](https://b.example)", "image"], ["---", "hr"],
  ]) assert.ok(types(text).includes(type), text);
  assert.deepEqual(types("a_b_c *d"), ["paragraph_open", "inline", "text", "paragraph_close"]);
});

test("markup of other kinds stays text", () => {
  for (const text of ["<b>a</b>", "<!-- a -->", "<div>\n<script>a</script>\n</div>", "[a]: mailto:b@c.example"]) {
    assert.equal(texts(text).replaceAll("\n", ""), text.replaceAll("\n", ""), text);
    assert.ok(types(text).every((type) => /paragraph|inline|text|break/u.test(type)), text);
  }
});

test("links lead to the web and to mailboxes, and nowhere else", () => {
  for (const text of [
    "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](java&#x0A;script:alert(1))",
    "[a](data:text/html,x)", "[a](vbscript:x)", "[a](file:///etc)", "[a](//evil.example)",
    "[a](/items)", "[a](#x)", "[a](https://good.example@evil.example)", "<javascript:alert(1)>",
    "![a](data:image/png,x)", "![a](x.png)", "[a](mailto:b?bcc=c)", "xhttps://a.example",
  ]) assert.deepEqual(hrefs(text), [], text);
  assert.deepEqual(hrefs("[a](mailto:b@c.example) ![a](http://d.example/e)"), [
    "mailto:b@c.example", "http://d.example/e",
  ]);
});

test("addresses are found as in any other text", () => {
  for (const [text, ...expected] of [
    ["see https://a.example/x_y_z*b*c.", "https://a.example/x_y_z*b*c"],
    ["**https://a.example/**", "https://a.example/"],
    ["(https://a.example/b_(c)) http://d.example", "https://a.example/b_(c)", "http://d.example/"],
    ["[https://a.example](https://b.example)", "https://b.example"],
    ["`https://a.example`"],
  ]) assert.deepEqual(hrefs(text), expected, text);
});

// Nothing of them may be lost: each is told by letters that no markup takes away.
const LONG = 64 * 1024;
const filled = (piece) => piece.repeat(Math.ceil(LONG / piece.length)).slice(0, LONG);
const HOSTILE = [
  ">".repeat(10_000), "[".repeat(10_000), filled("> "), filled("["), filled("![a]("), filled("*a "),
  filled("a**b"), filled("*a _b "), filled("- a\n"), filled("a\n"), filled("<a "), filled("~~a "),
  filled("a\n=\n"), filled("1. > - "), filled("` `` "), filled("http://a@"), filled("&#x"),
  `${"|a".repeat(300)}\n${"|-".repeat(300)}\n${filled("|\n")}`, `${"*_".repeat(9000)}a${"_*".repeat(9000)}`,
  `${"|a".repeat(40)}\n${"|-".repeat(40)}\n${"|\n".repeat(4000)}`,
  `${">".repeat(100)}a\n${filled("a\n")}`, `a${" ".repeat(LONG)}b`, `${"[".repeat(30_000)}${"](b)".repeat(8000)}`,
];

test("whatever is sent, little is made of it, and none of it is deep", () => {
  for (const text of HOSTILE) {
    const blocks = blocksOf(text) ?? [];
    let depth = 0;
    for (const { tokens } of blocks) {
      assert.ok(tokens.length <= 20_000);
      for (const token of tokens) {
        depth += token.nesting;
        let inner = 0;
        for (const { nesting } of token.children ?? []) {
          inner += nesting;
          assert.ok(depth + inner <= 50, text.slice(0, 20));
        }
      }
    }
  }
});

test("what is nested too deeply or too long is shown as it was written, and not in part", () => {
  for (const text of [`${">".repeat(30)} a`, `${"- ".repeat(20)}a`, "a\n\n".repeat(20_000)]) {
    assert.equal(blocksOf(text), null, text.slice(0, 40));
  }
  const emphasis = `${"**a *b ".repeat(30)}${"c* d**".repeat(30)}`;
  for (const text of [emphasis, "*a* ".repeat(6000), "- a long one\n".repeat(2000).trim()]) {
    assert.ok(!types(text).some((type) => /em_open|list/u.test(type)));
    assert.equal(texts(text).trim(), text.trim());
  }
});

test("a text that grows is the same, read from its last block on or as a whole", () => {
  const text = evened(
    "# a\r\n\nb *c\nd* e\n- f\n  - [ ] g\n\n  h\n- i\n\n```js\n\n# x\n```\n> j\nk\n\n|l|m|\n|-|:-:|\n|n|\n\n"
    + "o\n===\n1. p\n\n       q\n\n[r]: mailto:s@t.example\n\n[r]\n***\n    t\n\n\n    u\n~~~\nv",
  );
  const kinds = (blocks) => blocks.flatMap(({ tokens }) => tokens).map(
    ({ type, content, children }) => [type, content, children?.map((child) => child.type)],
  );
  let from = 0;
  let done = [];
  for (let end = 1; end <= text.length; end += 1) {
    const blocks = blocksOf(text.slice(from, end));
    const whole = blocksOf(text.slice(0, end));
    assert.deepEqual([...done, ...kinds(blocks)], kinds(whole), JSON.stringify(text.slice(0, end)));
    done = [...done, ...kinds(blocks.slice(0, -1))];
    from += blocks.at(-1)?.from ?? 0;
    assert.equal(from, whole.at(-1)?.from ?? 0);
  }
});

test("the words of a text are what is read of it", () => {
  const text = "# A\r\n*b* `c`\nd [e](https://f.example)\n\n```g\nh\n```\n- i\n- &lt;j";
  assert.equal(wordsIn(text).replace(/\n+/gu, "\n"), "A\nb c\nd e\nh\ni\n<j");
  assert.equal(wordsIn(">".repeat(50)), ">".repeat(50));
});
