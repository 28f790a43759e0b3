import assert from "node:assert/strict";
import { test } from "node:test";

import {
  between, byLabel, growth, histogram, mean, parse, quantile, total,
} from "../../../api/web/console/status-metrics.js";

const TEXT = `# HELP itemroom_ack_seconds From a command's arrival to its ack.
# TYPE itemroom_ack_seconds histogram
itemroom_ack_seconds_bucket{le="0.001"} 10.0
itemroom_ack_seconds_bucket{le="0.005"} 90.0
itemroom_ack_seconds_bucket{le="+Inf"} 100.0
itemroom_ack_seconds_count 100.0
itemroom_ack_seconds_sum 0.5
itemroom_connections 3.0
itemroom_http_requests_total{method="GET",route="/items/{item_id}",status="200"} 7.0
itemroom_http_requests_total{method="PUT",route="/items/{item_id}",status="503"} 1e+06
odd{text="a \\"b\\" \\\\n \\n c} 9",more="x"} -Inf 1395066363000
`;

test("samples are read with their labels, and comments are passed over", () => {
  const metrics = parse(TEXT);
  assert.equal(total(metrics, "itemroom_connections"), 3);
  assert.equal(metrics.get("itemroom_http_requests_total")?.[1].value, 1e6);
  assert.equal(metrics.get("itemroom_http_requests_total")?.[1].labels.route, "/items/{item_id}");
  assert.deepEqual({ ...metrics.get("odd")?.[0].labels }, { text: 'a "b" \\n \n c} 9', more: "x" });
  assert.equal(total(metrics, "odd"), -Infinity);
});

test("what is no sample is passed over", () => {
  assert.equal(parse("<html>\n\n{}\n 1\nname\n").size, 0);
  assert.equal(total(parse(""), "itemroom_connections"), NaN);
});

test("a label called like a property of all objects is only a label", () => {
  const [{ labels }] = parse('a{constructor="1",__proto__="2"} 1').get("a") ?? [];
  assert.equal(labels.constructor, "1");
  assert.equal(labels.toString, undefined);
});

test("series are added up over labels", () => {
  const metrics = parse(TEXT);
  const name = "itemroom_http_requests_total";
  assert.equal(total(metrics, name), 1_000_007);
  assert.equal(total(metrics, name, ({ status }) => status === "200"), 7);
  assert.deepEqual([...byLabel(metrics, name, "method")], [["GET", 7], ["PUT", 1e6]]);
  assert.equal(byLabel(metrics, "nothing", "method").size, 0);
});

test("a counter that began anew has grown by what it is", () => {
  assert.equal(growth(3, 10), 7);
  assert.equal(growth(10, 4), 4);
  assert.equal(growth(NaN, 4), 4);
});

test("quantiles are even within a bucket, and end with the last bound", () => {
  const acks = histogram(parse(TEXT), "itemroom_ack_seconds");
  assert.equal(quantile(acks, 0.05), 0.0005);
  assert.equal(quantile(acks, 0.5), 0.003);
  assert.equal(quantile(acks, 0.9), 0.005);
  assert.equal(quantile(acks, 0.99), 0.005);
  assert.equal(mean(acks), 0.005);
});

test("a histogram without events has neither quantile nor mean", () => {
  const none = histogram(parse(""), "itemroom_ack_seconds");
  assert.equal(quantile(none, 0.5), NaN);
  assert.equal(mean(none), NaN);
});

test("between two looks only what came counts, and all of it after a restart", () => {
  const before = histogram(parse(TEXT), "itemroom_ack_seconds");
  const more = TEXT.replace("} 90.0", "} 190.0").replace("} 100.0", "} 200.0");
  const after = histogram(parse(more.replace("count 100", "count 200")), "itemroom_ack_seconds");
  const grown = between(before, after);
  assert.deepEqual(grown.counts, [0, 100, 100]);
  assert.equal(grown.count, 100);
  assert.equal(quantile(grown, 0.5), 0.003);
  assert.equal(between(after, before), before);
  assert.equal(between(histogram(parse(""), "itemroom_ack_seconds"), after), after);
});
