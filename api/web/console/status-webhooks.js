/** The webhooks of the database: how they stand, and what may be done about it. */

import { switchWebhook, tryWebhook } from "./api.js";
import { confirmDialog } from "./dialog.js";
import { button, el, fill, write } from "./dom.js";
import { clock, dayName } from "./format.js";

/** @typedef {import("./api.js").Webhook} Webhook */

/** @type {Record<string, string>} */
const REASONS = {
  asked: "paused",
  failed: "paused: refused for three days",
  gone: "paused: the receiver is gone",
  key_ended: "paused: its key has ended",
};

/** A table of them; nothing is shown where there is none. */
export class Webhooks {
  #rows = el("tbody");
  #said = el("p", { role: "status", "aria-label": "Webhook" });
  /** What the rows show: they are made anew only when that is another, or a click would miss. */
  #shown = "";
  element = el(
    "section",
    { class: "webhooks", "aria-labelledby": "webhooks", hidden: true },
    el("h2", { id: "webhooks" }, "Webhooks"),
    el("table", {}, head("Items", "Receiver", "State", "Last failure", "Do"), this.#rows),
    this.#said,
  );

  /** @param {Webhook[]} webhooks */
  show(webhooks) {
    this.element.hidden = !webhooks.length;
    const shown = JSON.stringify(webhooks);
    if (shown === this.#shown) return;
    this.#shown = shown;
    fill(this.#rows, webhooks.map((webhook) => this.#row(webhook)));
  }

  /** @param {Webhook} webhook */
  #row(webhook) {
    const failure = webhook.last_failure;
    const state = webhook.reason === null ? webhook.state : REASONS[webhook.reason];
    const said = failure
      ? `${failure.item}: ${failure.reason} (${dayName(failure.at)}, ${clock(failure.at)})`
      : "–";
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, el("code", {}, webhook.items)),
      el("td", { title: webhook.url }, new URL(webhook.url).host),
      el("td", {}, state),
      el("td", {}, said),
      el("td", { class: "row-buttons" }, this.#deeds(webhook)),
    );
  }

  /** @param {Webhook} webhook */
  #deeds(webhook) {
    const { id } = webhook;
    const sendAgain = () => switchWebhook(id, { state: "active" });
    const deeds = [button("Test", () => this.#do("The test was taken.", () => this.#try(id)))];
    if (webhook.state === "active") {
      const pause = () => switchWebhook(id, { state: "paused" });
      deeds.push(button("Pause", () => this.#do("It is paused.", pause)));
      if (webhook.last_failure) {
        const label = "Send what failed";
        deeds.push(button(label, () => this.#do("What failed is sent again.", sendAgain)));
      }
    } else {
      deeds.push(button("Go on", () => this.#do("It goes on.", sendAgain)));
    }
    return [...deeds, button("Skip…", () => this.#skip(id))];
  }

  /** @param {string} id */
  #skip(id) {
    confirmDialog(
      "Go on from here",
      "What is stored by now is never sent to this receiver.",
      "Skip it",
      () => this.#do("It goes on from here.", () => switchWebhook(id, { state: "active", skip: "all" })),
    );
  }

  /** @param {string} id */
  async #try(id) {
    const { reason } = await tryWebhook(id);
    if (reason !== null) throw new Error(reason);
  }

  /**
   * @param {string} done
   * @param {() => Promise<unknown>} act
   */
  async #do(done, act) {
    write(this.#said, "…");
    try {
      await act();
      write(this.#said, done);
    } catch (error) {
      write(this.#said, error instanceof Error ? error.message : String(error));
    }
  }
}

/** @param {...string} names */
const head = (...names) =>
  el("thead", {}, el("tr", {}, names.map((name) => el("th", { scope: "col" }, name))));
