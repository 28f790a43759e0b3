/** Fetches what the reader comes near to, and lets go of what is far away. */

import { newestPage, pageAfter, pageBefore } from "./history.js";
import { complain } from "./notices.js";

/** @typedef {import("./timeline.js").Page} Page */

export class Pager {
  /** How the old end of what is shown stands. @type {import("./rows.js").EdgeState} */
  edge = "more";
  isLoading = false;

  /**
   * @param {string} itemId
   * @param {import("./timeline.js").Timeline} timeline
   * @param {{onPage: (page: Page) => void, onReset: () => void, onDone: (isLoaded: boolean) => void
   * }} view `onReset`: the newest page has taken the place of all that was shown.
   */
  constructor(itemId, timeline, view) {
    this.itemId = itemId;
    this.timeline = timeline;
    this.view = view;
  }

  older() {
    this.edge = "loading";
    return this.#load(async () => {
      const page = await pageBefore(this.itemId, this.timeline.from);
      if (this.timeline.isStale(page)) return this.#reset();
      this.view.onPage(page);
      this.timeline.prepend(page);
      this.timeline.trim("newest");
    });
  }

  newer() {
    return this.#load(async () => {
      const page = await pageAfter(this.itemId, this.timeline.to);
      if (this.timeline.isStale(page)) return this.#reset();
      this.view.onPage(page);
      this.timeline.append(page);
      this.timeline.trim("oldest");
    });
  }

  newest() {
    return this.#load(() => this.#reset());
  }

  async #reset() {
    const page = await newestPage(this.itemId);
    this.view.onPage(page);
    this.timeline.reset(page);
    this.view.onReset();
  }

  /** @param {() => Promise<void>} fetch */
  async #load(fetch) {
    this.isLoading = true;
    let isLoaded = false;
    try {
      await fetch();
      isLoaded = true;
    } catch (error) {
      complain(error);
    }
    this.edge = isLoaded ? "more" : "failed";
    this.isLoading = false;
    this.view.onDone(isLoaded);
  }
}
