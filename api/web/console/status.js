/** The operators' page: looks at /metrics each second while somebody looks at the page. */

import { Problem, me } from "./api.js";
import { button, el, fill, write } from "./dom.js";
import { SERVER } from "./paths.js";
import { Chart, SPAN } from "./status-chart.js";
import {
  GAP, duration, figures, refusals, shortNumber, shortShare, shortSize, shortTime, startedAt,
} from "./status-figures.js";
import { parse } from "./status-metrics.js";
import { Webhooks } from "./status-webhooks.js";

/** @typedef {import("./status-figures.js").Look} Look */
/**
 * @typedef {{name: string, state: string, silent: number, started_at: string, version: string,
 *   is_this: boolean}} Server
 */

const INTERVAL = 1000; // Milliseconds, from one answer to the next question.
const PATIENCE = 5000; // Milliseconds that an answer may take.

/** @type {import("./status-chart.js").Plan[]} */
const PLANS = [
  {
    title: "Connections",
    about: "Open sockets.",
    lines: [{ key: "connections", label: "Now" }],
    format: shortNumber,
    least: 5,
  },
  {
    title: "Rooms",
    about: "Items with an open socket.",
    lines: [{ key: "rooms", label: "Now" }],
    format: shortNumber,
    least: 5,
  },
  {
    title: "Messages a second",
    about: "Entries of every kind, stored.",
    lines: [{ key: "messages", label: "Now" }],
    format: shortNumber,
    least: 1,
  },
  {
    title: "Ack latency",
    about: "From a command's arrival to its ack, over ten seconds.",
    lines: [{ key: "ack50", label: "p50" }, { key: "ack99", label: "p99" }],
    format: shortTime,
    least: 0.001,
  },
  {
    title: "Commit time",
    about: "What the disk takes, over ten seconds.",
    lines: [{ key: "commit50", label: "p50" }, { key: "commit99", label: "p99" }],
    format: shortTime,
    least: 0.001,
  },
  {
    title: "Writer batch",
    about: "Commands in one commit, over ten seconds: grows with load.",
    lines: [{ key: "batch", label: "Mean" }, { key: "batch99", label: "p99" }],
    format: shortNumber,
    least: 2,
  },
  {
    title: "Lagging clients",
    about: "Sockets that have not been given all that is stored.",
    lines: [{ key: "behind", label: "Now" }],
    format: shortNumber,
    least: 1,
  },
  {
    title: "Refused sockets a second",
    about: "Refused, or closed by the server.",
    lines: [{ key: "refusals", label: "Now" }],
    format: shortNumber,
    least: 1,
  },
  {
    title: "Requests a second",
    about: "HTTP without this page's own; failed: 5xx.",
    lines: [{ key: "requests", label: "All" }, { key: "failures", label: "Failed" }],
    format: shortNumber,
    least: 1,
  },
  {
    title: "Webhooks behind",
    about: "Entries that receivers have not taken, of this server's webhooks.",
    lines: [{ key: "due", label: "Now" }],
    format: shortNumber,
    least: 5,
  },
  {
    title: "Memory",
    about: "What the process holds.",
    lines: [{ key: "memory", label: "Now" }],
    format: shortSize,
    least: 10,
  },
  {
    title: "Processor",
    about: "Of one core.",
    lines: [{ key: "cpu", label: "Now" }],
    format: shortShare,
    least: 10,
  },
];

class Page {
  /** @type {Look[]} The newest last. */
  #looks = [];
  /** @type {import("./status-chart.js").Point[]} */
  #points = [];
  #charts = PLANS.map((plan) => new Chart(plan));
  #state = el("p", { role: "status", "aria-label": "Updates", class: "updates" });
  #facts = el("p", { class: "facts" });
  #rows = el("tbody");
  #servers = el("tbody");
  /** With several servers alone: one has nobody to be told apart from. */
  #company = el(
    "section",
    { class: "servers", "aria-labelledby": "servers", hidden: true },
    el("h2", { id: "servers" }, "Servers of this database"),
    el("table", {}, tableHead("Name", "State", "Running for", "Version"), this.#servers),
  );
  #webhooks = new Webhooks();
  #isPaused = false;
  #isLooking = false;
  /** @type {number | undefined} */
  #timer;

  /** @param {Element} main */
  constructor(main) {
    this.main = main;
    this.pause = button("Pause", () => this.#toggle());
    document.addEventListener("visibilitychange", () => this.#look());
  }

  /** Show the charts if the server says that this user may see them, or else why not. */
  async open() {
    fill(this.main, el("p", {}, "Loading…"));
    try {
      const user = await me();
      if (!user.admin) this.#refuse(...notAdmin(user.username));
      else this.#show();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.#refuse(...signedOut());
      else this.#refuse("The server does not answer.", button("Try again", () => this.open()));
    }
  }

  #show() {
    fill(
      this.main,
      el("div", { class: "bar" }, this.#state, this.pause),
      this.#facts,
      this.#company,
      this.#webhooks.element,
      el("div", { class: "charts" }, this.#charts.map(({ element }) => element)),
      el(
        "section",
        { class: "refusals", "aria-labelledby": "refusals" },
        el("h2", { id: "refusals" }, "Refused sockets by code"),
        el("table", {}, tableHead("Code", "Since the start", "Last 10 s"), this.#rows),
      ),
    );
    this.#look();
  }

  /**
   * @param {string} sentence
   * @param {...(Node | string)} more
   */
  #refuse(sentence, ...more) {
    clearTimeout(this.#timer);
    this.#isPaused = true; // Coming back to the tab must not ask again.
    const text = [el("h2", {}, sentence), el("p", {}, more)];
    fill(this.main, el("div", { class: "refused", role: "alert" }, text));
  }

  #toggle() {
    this.#isPaused = !this.#isPaused;
    write(this.pause, this.#isPaused ? "Go on" : "Pause");
    if (this.#isPaused) this.#tell("paused", "Paused");
    this.#look();
  }

  /** One look, and then the next one: never two at a time, and none that nobody sees. */
  async #look() {
    clearTimeout(this.#timer);
    if (this.#isLooking || this.#isPaused || document.hidden || !this.#rows.isConnected) return;
    this.#isLooking = true;
    try {
      await this.#ask();
    } catch {
      this.#tell("lost", "The server does not answer. Trying again…");
    } finally {
      this.#isLooking = false;
    }
    this.#timer = setTimeout(() => this.#look(), INTERVAL);
  }

  async #ask() {
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(`${SERVER}/metrics`, { cache: "no-store", signal });
    if (response.status === 401) return this.#refuse(...signedOut());
    if (response.status === 403) return this.#refuse(...notAdmin("You"));
    if (response.status === 404) return this.#refuse(...hidden());
    if (!response.ok) throw new Error(`status ${response.status}`);
    const metrics = parse(await response.text());
    if (this.#isPaused) return;
    this.#add({ at: Date.now(), metrics });
    const others = await fetch(`${SERVER}/status/servers`, { cache: "no-store", signal });
    if (others.ok) this.#showServers((await others.json()).servers);
    const hooks = await fetch(`${SERVER}/status/webhooks`, { cache: "no-store", signal });
    if (hooks.ok) this.#webhooks.show((await hooks.json()).webhooks);
  }

  /** @param {Server[]} servers */
  #showServers(servers) {
    this.#company.hidden = servers.length < 2;
    fill(this.#servers, servers.map(serverRow));
  }

  /** @param {Look} look */
  #add(look) {
    // Texts of ten seconds are kept whole, and of the rest of the time only the figures.
    this.#looks = [...this.#looks.slice(-12), look];
    const point = { at: look.at, figures: figures(this.#looks) };
    this.#points = [...this.#points.filter(({ at }) => look.at - at <= SPAN), point];
    for (const chart of this.#charts) chart.show(this.#points, GAP);
    this.#tell("live", "Live");
    const started = startedAt(look.metrics);
    if (started) write(this.#facts, `The server started ${duration(look.at - started)} ago.`);
    const counted = refusals(this.#looks);
    if (counted.length) fill(this.#rows, counted.map(refusalRow));
    else fill(this.#rows, el("tr", {}, el("td", { colspan: 3 }, "None so far")));
  }

  /**
   * @param {string} state
   * @param {string} text
   */
  #tell(state, text) {
    this.#state.dataset.state = state;
    write(this.#state, text);
  }
}

/** @param {...string} names */
const tableHead = (...names) =>
  el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name))));

/** @param {ReturnType<typeof refusals>[number]} refusal */
const refusalRow = ({ code, count, recent }) =>
  el(
    "tr",
    {},
    el("th", { scope: "row" }, el("code", {}, code)),
    el("td", {}, String(count)),
    el("td", {}, String(recent)),
  );

/** @param {Server} server */
const serverRow = ({ name, state, silent, started_at: started, version, is_this: isThis }) =>
  el(
    "tr",
    {},
    el("th", { scope: "row" }, name, isThis ? " (this one)" : ""),
    el("td", {}, state === "dead" ? `not heard of for ${silent} s` : state),
    el("td", {}, duration(Date.now() - Date.parse(started))),
    el("td", {}, version),
  );

/** @returns {[string, ...(Node | string)[]]} */
const signedOut = () => [
  "Sign in to see this",
  "This page is for those who run the server. ",
  el("a", { href: "/" }, "Sign in"),
  ", then come back.",
];

/**
 * @param {string} name
 * @returns {[string, ...(Node | string)[]]}
 */
const notAdmin = (name) => [
  "This is for admins of the server",
  "Whoever runs it can make you one: ",
  el("code", {}, `itemroom user admin ${name === "You" ? "NAME" : name}`),
];

/** @returns {[string, ...(Node | string)[]]} */
const hidden = () => [
  "The proxy keeps /metrics to itself",
  "It can let it through when the server guards it: ",
  el("code", {}, "ITEMROOM_METRICS=admins"),
];

new Page(/** @type {Element} */ (document.querySelector("main"))).open();
