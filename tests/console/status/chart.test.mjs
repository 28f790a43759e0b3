import assert from "node:assert/strict";
import { test } from "node:test";

import { HEIGHT, SPAN, WIDTH, ceiling, path, range } from "../../../api/web/console/status-chart.js";

test("a scale ends with 1, 2 or 5 and zeros", () => {
  const tops = [0, NaN, 0.02, 0.03, 1, 1.1, 4.9, 51, 100, 5001].map(ceiling);
  assert.deepEqual(tops, [1, 1, 0.02, 0.05, 1, 2, 5, 100, 100, 10_000]);
});

test("time goes from left to right, values from the bottom to the top", () => {
  const values = [{ at: 0, value: 0 }, { at: SPAN / 2, value: 5 }, { at: SPAN, value: 10 }];
  const drawn = path(values, { start: 0, end: SPAN, top: 10, gap: SPAN });
  assert.equal(drawn, `M0.0 ${HEIGHT}.0h.1L${WIDTH / 2}.0 ${HEIGHT / 2}.0L${WIDTH}.0 0.0`);
});

test("no line crosses a gap or what is not known", () => {
  const at = [0, 1, 2, 30, 31].map((seconds) => seconds * 1000);
  const values = at.map((time, index) => ({ at: time, value: index === 1 ? NaN : 1 }));
  const drawn = path(values, { start: 0, end: 31_000, top: 1, gap: 5000 });
  assert.equal(drawn.match(/M/g)?.length, 2);
  assert.equal(drawn.match(/L/g)?.length, 2);
  assert.ok(!drawn.includes("NaN"));
  assert.equal(path([{ at: 0, value: NaN }], { start: -1, end: 0, top: 1, gap: 1 }), "");
});

test("what is drawn is also said", () => {
  assert.equal(range([3, NaN, 1], (value) => `${value} s`), "1 s to 3 s");
  assert.equal(range([2, 2], String), "2");
  assert.equal(range([NaN], String), "Nothing yet");
});
