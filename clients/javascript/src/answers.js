// What commands are waited for with.
import { Refused } from "./core/errors.js";

/** Promises of the seqs of commands, by ref. */
export class Answers {
  /** @type {Map<string, {promise: Promise<number>, resolve: (seq: number) => void,
   *   reject: (reason: Refused) => void}>} */
  #waiting = new Map();

  /**
   * @param {string} ref
   * @returns {Promise<number>} The seq, when it is stored. The same for the same ref.
   */
  to(ref) {
    const twin = this.#waiting.get(ref);
    if (twin) return twin.promise;
    /** @type {any} */
    const answer = {};
    answer.promise = new Promise((resolve, reject) => Object.assign(answer, { resolve, reject }));
    this.#waiting.set(ref, answer);
    return answer.promise;
  }

  /**
   * @param {string} ref
   * @param {number | Refused} result
   */
  settle(ref, result) {
    const answer = this.#waiting.get(ref);
    this.#waiting.delete(ref);
    if (result instanceof Refused) answer?.reject(result);
    else answer?.resolve(result);
  }

  /**
   * There will be none any more.
   *
   * @param {Refused} reason
   */
  end(reason) {
    for (const ref of [...this.#waiting.keys()]) this.settle(ref, reason);
  }
}
