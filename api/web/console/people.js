/** Names of users by id: reactions and read markers have only ids. */

import { el } from "./dom.js";
import { hue, initials } from "./format.js";

/** @typedef {{id: string, name: string}} User */

export class People {
  /** @type {Map<string, string>} */
  #names = new Map();

  /** @param {User | undefined} user @returns {boolean} Whether this is news. */
  learn(user) {
    if (!user || this.#names.get(user.id) === user.name) return false;
    this.#names.set(user.id, user.name);
    return true;
  }

  /** Everybody whom these entries name. @param {import("./timeline.js").Entry[]} entries */
  learnAll(entries) {
    for (const { by, user } of entries) {
      this.learn(by);
      this.learn(user);
    }
  }

  /** @param {string} id */
  name(id) {
    return this.#names.get(id) ?? "Somebody";
  }

  /** @param {string[]} ids */
  names(ids) {
    return ids.map((id) => this.name(id));
  }
}

/**
 * A picture of somebody: their initials, in the same colour everywhere.
 *
 * @param {User} user
 */
export function avatar(user) {
  const attributes = { "data-initials": initials(user.name), "aria-hidden": "true" };
  return el("span", { class: `avatar hue-${hue(user.id)}`, ...attributes });
}
