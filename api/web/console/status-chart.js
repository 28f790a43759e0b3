/** A small live chart: lines over the last minutes, the newest value as text beside its name. */

import { el, write } from "./dom.js";

/** @typedef {{key: string, label: string}} Line */
/** @typedef {{at: number, figures: Record<string, number>}} Point `at` in milliseconds. */
/**
 * @typedef {{title: string, about: string, lines: Line[], format: (value: number) => string,
 *   least: number}} Plan `least`: what the scale goes up to at the least.
 */

const SVG = "http://www.w3.org/2000/svg";
export const WIDTH = 300;
export const HEIGHT = 72;
/** Milliseconds that a chart goes back. Before that it shows what there is. */
export const SPAN = 180_000;
const LEAST_SPAN = 30_000;

/**
 * The next number of 1, 2, 5, 10 … that is not smaller.
 *
 * @param {number} value
 */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  // Powers of ten below one are not exact: 0.02 must not become 0.05.
  const step = [1, 2, 5].find((factor) => value <= factor * power * 1.000001);
  return Number(((step ?? 10) * power).toPrecision(6));
}

/**
 * A line as the `d` of a path. It is broken where a value is unknown or looks are missing.
 *
 * @param {{at: number, value: number}[]} values in the order of time.
 * @param {{start: number, end: number, top: number, gap: number}} scale
 */
export function path(values, { start, end, top, gap }) {
  const parts = [];
  let last = -Infinity;
  for (const { at, value } of values) {
    if (!Number.isFinite(value)) continue;
    const x = (WIDTH * (at - start)) / (end - start);
    const y = HEIGHT * (1 - Math.min(1, value / top));
    parts.push(`${at - last > gap ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`);
    // A single point has no line: a short one shows it.
    if (at - last > gap) parts.push("h.1");
    last = at;
  }
  return parts.join("");
}

/**
 * In words, for who cannot see the lines.
 *
 * @param {number[]} values
 * @param {(value: number) => string} format
 */
export function range(values, format) {
  const known = values.filter(Number.isFinite);
  if (!known.length) return "Nothing yet";
  const [least, most] = [format(Math.min(...known)), format(Math.max(...known))];
  return least === most ? least : `${least} to ${most}`;
}

export class Chart {
  #plan;
  /** @type {HTMLElement[]} */
  #values = [];
  /** @type {SVGPathElement[]} */
  #paths = [];
  #top = el("span", { class: "chart-top", "aria-hidden": "true" });
  #range = el("p", { class: "chart-range" });

  /** @param {Plan} plan */
  constructor(plan) {
    this.#plan = plan;
    const id = `chart-${plan.lines[0].key}`;
    this.element = el(
      "section",
      { class: "chart", "aria-labelledby": id },
      el("h2", { id }, plan.title),
      el("dl", { class: "chart-values" }, plan.lines.map((line, index) => this.#name(line, index))),
      el("div", { class: "chart-plot" }, this.#draw(), this.#top),
      this.#range,
      el("p", { class: "chart-about" }, plan.about),
    );
  }

  /**
   * @param {Line} line
   * @param {number} index
   */
  #name(line, index) {
    const value = el("dd", { "data-figure": line.key }, "–");
    this.#values.push(value);
    return el("div", { class: `line-${index}` }, el("dt", {}, line.label), value);
  }

  #draw() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 -2 ${WIDTH} ${HEIGHT + 4}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    // The first line lies above the others.
    this.#paths = this.#plan.lines.map((_, index) => {
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("class", `line line-${index}`);
      svg.prepend(line);
      return line;
    });
    return svg;
  }

  /**
   * @param {Point[]} points the newest last.
   * @param {number} gap milliseconds between two points that no line crosses.
   */
  show(points, gap) {
    const newest = points[points.length - 1];
    const series = this.#plan.lines.map(({ key }) =>
      points.map(({ at, figures }) => ({ at, value: figures[key] })),
    );
    const known = series.flat().map(({ value }) => value).filter(Number.isFinite);
    const top = ceiling(Math.max(this.#plan.least, ...known));
    const start = Math.min(points[0].at, newest.at - LEAST_SPAN);
    const scale = { start, end: newest.at, top, gap };
    series.forEach((values, index) => {
      this.#paths[index].setAttribute("d", path(values, scale));
      write(this.#values[index], this.#plan.format(newest.figures[this.#plan.lines[index].key]));
    });
    write(this.#top, this.#plan.format(top));
    const first = series[0].map(({ value }) => value);
    const minutes = Math.max(1, Math.round((newest.at - points[0].at) / 60_000));
    const when = minutes === 1 ? "the last minute" : `the last ${minutes} minutes`;
    write(this.#range, `${range(first, this.#plan.format)} in ${when}`);
  }
}
