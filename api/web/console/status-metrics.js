/** Prometheus' text format, and the arithmetic of what only grows. Pure. */

/** @typedef {{labels: Record<string, string>, value: number}} Sample */
/** @typedef {Map<string, Sample[]>} Metrics by the name of the series. */
/** @typedef {{bounds: number[], counts: number[], sum: number, count: number}} Histogram
 *    `counts` are cumulative, as they came; the last bound is Infinity. */

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;
/** @type {Record<string, string>} */
const ESCAPED = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

/**
 * Lines that are no sample are passed over: a newer server may say more.
 *
 * @param {string} text
 * @returns {Metrics}
 */
export function parse(text) {
  /** @type {Metrics} */
  const metrics = new Map();
  for (const line of text.split("\n")) {
    const match = line.startsWith("#") ? null : LINE.exec(line.trim());
    if (!match) continue;
    const sample = { labels: labelsOf(match[2] ?? ""), value: numberOf(match[3]) };
    const known = metrics.get(match[1]);
    if (known) known.push(sample);
    else metrics.set(match[1], [sample]);
  }
  return metrics;
}

/** @param {string} text */
function labelsOf(text) {
  /** @type {Record<string, string>} */
  const labels = Object.create(null);
  for (const [, name, value] of text.matchAll(LABEL)) {
    labels[name] = value.replace(/\\[\\"n]/g, (escape) => ESCAPED[escape]);
  }
  return labels;
}

/** @param {string} text */
const numberOf = (text) => Number(text.replace(/^([+-]?)Inf$/, "$1Infinity"));

/**
 * The sum of a series over all labels that pass; NaN when there is no such series.
 *
 * @param {Metrics} metrics
 * @param {string} name
 * @param {(labels: Record<string, string>) => boolean} [passes]
 */
export function total(metrics, name, passes = () => true) {
  const samples = metrics.get(name);
  if (!samples) return NaN;
  return samples.reduce((sum, { labels, value }) => (passes(labels) ? sum + value : sum), 0);
}

/**
 * A series by one of its labels, the others added up.
 *
 * @param {Metrics} metrics
 * @param {string} name
 * @param {string} label
 * @returns {Map<string, number>}
 */
export function byLabel(metrics, name, label) {
  const sums = new Map();
  for (const { labels, value } of metrics.get(name) ?? []) {
    sums.set(labels[label], (sums.get(labels[label]) ?? 0) + value);
  }
  return sums;
}

/**
 * How much a counter has grown. One that is smaller than before began anew: the server restarted.
 *
 * @param {number} before NaN: it was not there yet.
 * @param {number} after
 */
export const growth = (before, after) => (after >= before ? after - before : after);

/**
 * @param {Metrics} metrics
 * @param {string} name
 * @returns {Histogram}
 */
export function histogram(metrics, name) {
  const buckets = (metrics.get(`${name}_bucket`) ?? [])
    .map(({ labels, value }) => ({ bound: numberOf(labels.le), value }))
    .sort((one, other) => one.bound - other.bound);
  return {
    bounds: buckets.map(({ bound }) => bound),
    counts: buckets.map(({ value }) => value),
    sum: total(metrics, `${name}_sum`),
    count: total(metrics, `${name}_count`),
  };
}

/**
 * What came into a histogram between two looks.
 *
 * @param {Histogram} before
 * @param {Histogram} after
 * @returns {Histogram}
 */
export function between(before, after) {
  const isContinued = after.count >= before.count && after.bounds.length === before.bounds.length;
  if (!isContinued) return after;
  return {
    bounds: after.bounds,
    counts: after.counts.map((count, index) => count - before.counts[index]),
    sum: after.sum - before.sum,
    count: after.count - before.count,
  };
}

/** @param {Histogram} histogram NaN when nothing came. */
export const mean = ({ sum, count }) => (count > 0 ? sum / count : NaN);

/**
 * As Prometheus' histogram_quantile: even within a bucket; beyond the last bound, that bound.
 *
 * @param {Histogram} histogram
 * @param {number} q between 0 and 1.
 */
export function quantile({ bounds, counts, count }, q) {
  if (!(count > 0)) return NaN;
  const rank = q * count;
  const index = counts.findIndex((sum) => sum >= rank);
  if (index < 0 || bounds[index] === Infinity) return bounds[bounds.length - 2];
  const lower = index ? bounds[index - 1] : 0;
  const below = index ? counts[index - 1] : 0;
  const inside = counts[index] - below;
  return inside ? lower + ((bounds[index] - lower) * (rank - below)) / inside : lower;
}
