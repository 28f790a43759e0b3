// Who a room says that it is.
import { uptime } from "./clock.js";
import { Refused } from "./core/errors.js";
/** @import { RoomOptions } from "./options.js" */

// Milliseconds.
const TOKEN_TIMEOUT = 30_000;
/** Two refreshes are at least this far apart: a source may give tokens that end at once. */
const REFRESH_INTERVAL = 5_000;

/** What a room shows of who it is, and where it gets more of it. */
export class Credentials {
  #fixed;
  #getToken;
  /** @type {string | undefined} The token that was given out last. */
  #token;
  #renewedAt = -Infinity;

  /** @param {RoomOptions} options */
  constructor({ token, ticket, getToken }) {
    if ([token, ticket, getToken].filter((one) => one !== undefined).length > 1) {
      throw new TypeError("give one of token, ticket and getToken");
    }
    this.#fixed = { token, ticket };
    this.#getToken = getToken;
  }

  get canRenew() {
    return this.#getToken !== undefined;
  }

  /**
   * For a new connection. Rejects with `Refused` when there is none for good.
   *
   * @returns {Promise<{token?: string, ticket?: string}>}
   */
  async get() {
    if (!this.#getToken) return this.#fixed;
    const answer = await within(this.#getToken(), TOKEN_TIMEOUT);
    /** @type {{token?: string, ticket?: string}} */
    const credential = typeof answer === "string" ? { token: answer } : (answer ?? {});
    if (!credential.token && !credential.ticket) {
      throw new Refused("auth_missing", "getToken gave no credential.", { retry: "after_auth" });
    }
    this.#token = credential.token;
    return credential;
  }

  /** @returns {Promise<string | undefined>} A token for an open connection, if there is a newer. */
  async newerToken() {
    if (!this.#getToken || uptime() - this.#renewedAt < REFRESH_INTERVAL) return undefined;
    this.#renewedAt = uptime();
    const present = this.#token;
    try {
      const { token } = await this.get();
      return token === present ? undefined : token;
    } catch {
      return undefined; // It is asked again when the connection has ended.
    }
  }
}

/**
 * @template T
 * @param {T | Promise<T>} promise
 * @param {number} timeout
 * @returns {Promise<T>}
 */
async function within(promise, timeout) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), timeout);
  });
  try {
    return /** @type {T} */ (await Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}
