/** From two or more looks at the metrics to the figures that the page draws. Pure. */

import { between, byLabel, growth, histogram, mean, quantile, total } from "./status-metrics.js";

/** @typedef {import("./status-metrics.js").Metrics} Metrics */
/** @typedef {{at: number, metrics: Metrics}} Look `at` in milliseconds. */
/** @typedef {Record<string, number>} Figures NaN: not known, or nothing happened. */

/** Milliseconds that quantiles and means go back: of one second's few acks they would only jump. */
export const WINDOW = 10_000;
/** Milliseconds after which two looks have a gap between them, as when the page was hidden. */
export const GAP = 5_000;

/**
 * @param {Look[]} looks the newest last.
 * @param {number} [window]
 * @returns {Figures}
 */
export function figures(looks, window = WINDOW) {
  const now = looks[looks.length - 1];
  const start = within(looks, window);
  const before = looks[looks.length - 2] ?? now;
  return { ...gauges(now.metrics), ...rates(before, now), ...spreads(start, now) };
}

/**
 * The first of the looks that are no older than this.
 *
 * @param {Look[]} looks
 * @param {number} window
 */
function within(looks, window) {
  const now = looks[looks.length - 1];
  return looks.find(({ at }) => now.at - at <= window) ?? now;
}

/** @param {Metrics} metrics */
function gauges(metrics) {
  return {
    connections: total(metrics, "itemroom_connections"),
    rooms: total(metrics, "itemroom_rooms"),
    behind: total(metrics, "itemroom_connections_behind"),
    due: total(metrics, "itemroom_webhook_entries_due"),
    memory: total(metrics, "process_resident_memory_bytes") / 2 ** 20,
  };
}

/**
 * Each second.
 *
 * @param {Look} before
 * @param {Look} now
 */
function rates(before, now) {
  const seconds = (now.at - before.at) / 1000;
  /** @param {string} name @param {(labels: Record<string, string>) => boolean} [passes] */
  const rate = (name, passes) =>
    seconds > 0 && seconds * 1000 <= GAP
      ? growth(total(before.metrics, name, passes), total(now.metrics, name, passes)) / seconds
      : NaN;
  return {
    messages: rate("itemroom_entries_stored_total"),
    // Without our own looks.
    requests: rate("itemroom_http_requests_total", ({ route }) => route !== "/metrics"),
    failures: rate("itemroom_http_requests_total", ({ status }) => status.startsWith("5")),
    refusals: orZero(rate("itemroom_sockets_refused_total"), now.metrics),
    cpu: rate("process_cpu_seconds_total") * 100,
  };
}

/**
 * A counter with labels is not there before its first event, which is no reason to draw nothing.
 *
 * @param {number} rate
 * @param {Metrics} metrics
 */
const orZero = (rate, metrics) => (metrics.has("itemroom_sockets_refused_total") ? rate : 0);

/**
 * @param {Look} start
 * @param {Look} now
 */
function spreads(start, now) {
  /** @param {string} name */
  const since = (name) => between(histogram(start.metrics, name), histogram(now.metrics, name));
  const acks = since("itemroom_ack_seconds");
  const commits = since("itemroom_batch_seconds");
  const batches = since("itemroom_batch_commands");
  return {
    ack50: quantile(acks, 0.5),
    ack99: quantile(acks, 0.99),
    commit50: quantile(commits, 0.5),
    commit99: quantile(commits, 0.99),
    batch: mean(batches),
    // A part of a command is none.
    batch99: Math.ceil(quantile(batches, 0.99)),
  };
}

/**
 * Refused sockets by code since the server started, the most frequent first; `recent` of them
 * came within the window.
 *
 * @param {Look[]} looks
 * @param {number} [window]
 * @returns {{code: string, count: number, recent: number}[]}
 */
export function refusals(looks, window = WINDOW) {
  const name = "itemroom_sockets_refused_total";
  const before = byLabel(within(looks, window).metrics, name, "code");
  const now = byLabel(looks[looks.length - 1].metrics, name, "code");
  return [...now]
    .map(([code, count]) => ({ code, count, recent: growth(before.get(code) ?? 0, count) }))
    .sort((one, other) => other.count - one.count || (one.code < other.code ? -1 : 1));
}

/**
 * When the server started, in milliseconds since 1970; NaN: it does not say.
 *
 * @param {Metrics} metrics
 */
export const startedAt = (metrics) => total(metrics, "process_start_time_seconds") * 1000;

const SCALES = ["", "k", "M", "G"];

/**
 * At most three digits and a unit: "0", "12.3", "4.56k".
 *
 * @param {number} value
 */
export function shortNumber(value) {
  if (!Number.isFinite(value)) return "–";
  let scaled = Number(value.toPrecision(3));
  let power = 0;
  for (; scaled >= 1000 && power < SCALES.length - 1; power += 1) scaled /= 1000;
  const digits = scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${Number(scaled.toFixed(digits))}${SCALES[power]}`;
}

/** @param {number} seconds */
export function shortTime(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds >= 0.9995) return `${shortNumber(seconds)} s`;
  return `${shortNumber(seconds * 1000)} ms`;
}

/** @param {number} mebibytes */
export const shortSize = (mebibytes) =>
  Number.isFinite(mebibytes) ? `${shortNumber(mebibytes)} MiB` : "–";

/** @param {number} percent */
export const shortShare = (percent) =>
  Number.isFinite(percent) ? `${shortNumber(percent)} %` : "–";

/**
 * "3 d 4 h", "4 h 5 min", "5 min", "12 s".
 *
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [days, hours, minutes] = [86_400, 3600, 60].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${seconds} s`;
}
