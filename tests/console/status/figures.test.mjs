import assert from "node:assert/strict";
import { test } from "node:test";

import {
  GAP, duration, figures, refusals, shortNumber, shortShare, shortSize, shortTime, startedAt,
} from "../../../api/web/console/status-figures.js";
import { parse } from "../../../api/web/console/status-metrics.js";

/** A look after so many seconds, at a server that has stored and refused so much. */
function look(seconds, stored, { slow = 0, refused = "", extra = "" } = {}) {
  const text = `
itemroom_connections 4
itemroom_rooms 2
itemroom_connections_behind 1
itemroom_entries_stored_total ${stored}
itemroom_ack_seconds_bucket{le="0.001"} ${stored - slow}
itemroom_ack_seconds_bucket{le="1"} ${stored}
itemroom_ack_seconds_bucket{le="+Inf"} ${stored}
itemroom_ack_seconds_count ${stored}
itemroom_ack_seconds_sum ${stored}
itemroom_batch_commands_bucket{le="8"} ${stored / 4}
itemroom_batch_commands_bucket{le="+Inf"} ${stored / 4}
itemroom_batch_commands_count ${stored / 4}
itemroom_batch_commands_sum ${stored}
itemroom_http_requests_total{route="/items",status="200"} ${stored}
itemroom_http_requests_total{route="/items",status="503"} ${stored / 2}
itemroom_http_requests_total{route="/metrics",status="200"} ${seconds * 100}
${refused}
${extra}`;
  return { at: 1_000_000 + seconds * 1000, metrics: parse(text) };
}

test("the first look has gauges, and nothing that needs two", () => {
  const now = figures([look(0, 100)]);
  assert.deepEqual([now.connections, now.rooms, now.behind], [4, 2, 1]);
  for (const key of ["messages", "ack50", "ack99", "batch", "requests", "cpu", "memory"]) {
    assert.equal(now[key], NaN, key);
  }
});

test("rates are of the last two looks, and leave out the page's own requests", () => {
  const now = figures([look(0, 0), look(8, 400), look(10, 440)]);
  assert.equal(now.messages, 20);
  assert.equal(now.requests, 30);
  assert.equal(now.failures, 10);
});

test("quantiles and means go back ten seconds and no further", () => {
  const looks = [look(0, 0), look(5, 1000, { slow: 1000 }), look(12, 1100, { slow: 1000 })];
  const now = figures(looks);
  assert.equal(now.ack50, 0.0005);
  assert.ok(now.ack99 < 0.001);
  assert.equal(now.batch, 4);
  assert.ok(figures(looks, 60_000).ack50 > 0.4);
});

test("memory is told in mebibytes, and a batch in whole commands", () => {
  const extra = "process_resident_memory_bytes 5.24288e+07";
  const now = figures([look(0, 0), look(1, 4, { extra })]);
  assert.equal(now.memory, 50);
  assert.equal(now.batch99, 8);
});

test("across a gap there is no rate", () => {
  const now = figures([look(0, 0), look(GAP / 1000 + 1, 400)]);
  assert.equal(now.messages, NaN);
  assert.equal(now.connections, 4);
});

test("a server that restarted counts from nothing", () => {
  assert.equal(figures([look(0, 5000), look(1, 30)]).messages, 30);
});

test("nothing refused so far is drawn as nothing", () => {
  assert.equal(figures([look(0, 0), look(1, 0)]).refusals, 0);
  const refused = 'itemroom_sockets_refused_total{code="busy"} 6';
  assert.equal(figures([look(0, 0), look(2, 0, { refused })]).refusals, 3);
});

test("refusals are listed by code, the most frequent first, the newest apart", () => {
  const name = "itemroom_sockets_refused_total";
  const before = `${name}{code="busy"} 6\n${name}{code="removed"} 2`;
  const after = `${before.replace(" 6", " 7")}\n${name}{code="a"} 2\n${name}{code="internal"} 9`;
  assert.deepEqual(refusals([look(0, 0), look(5, 0, { refused: before }),
    look(12, 0, { refused: after })]), [
    { code: "internal", count: 9, recent: 9 },
    { code: "busy", count: 7, recent: 1 },
    { code: "a", count: 2, recent: 2 },
    { code: "removed", count: 2, recent: 0 },
  ]);
  assert.deepEqual(refusals([look(0, 0)]), []);
});

test("the start is told in milliseconds", () => {
  const { metrics } = look(0, 0, { extra: "process_start_time_seconds 1.5e+09" });
  assert.equal(startedAt(metrics), 1.5e12);
  assert.equal(startedAt(look(0, 0).metrics), NaN);
});

test("numbers have at most three digits and a unit", () => {
  const shown = [0, 0.004, 5, 12.34, 99.96, 123.4, 999.9, 1234, 56_789, 1.5e6, 2e9, 7e12, NaN];
  assert.deepEqual(shown.map(shortNumber), [
    "0", "0", "5", "12.3", "100", "123", "1k", "1.23k", "56.8k", "1.5M", "2G", "7000G", "–",
  ]);
  assert.deepEqual([0.00031, 0.25, 0.9999, 2.5, NaN].map(shortTime),
    ["0.31 ms", "250 ms", "1 s", "2.5 s", "–"]);
  assert.deepEqual([48.25, NaN].map(shortSize), ["48.3 MiB", "–"]);
  assert.deepEqual([12.5, NaN].map(shortShare), ["12.5 %", "–"]);
});

test("durations have their two largest units", () => {
  const shown = [-5, 12_999, 300_000, 3_900_000, 90_000_000].map(duration);
  assert.deepEqual(shown, ["0 s", "12 s", "5 min", "1 h 5 min", "1 d 1 h"]);
});
