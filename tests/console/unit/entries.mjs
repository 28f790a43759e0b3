/** Entries as a server sends them, for the tests beside this file. */

export const ADA = { id: "u-ada", name: "Ada" };
export const BOB = { id: "u-bob", name: "Bob" };

const START = Date.UTC(2026, 0, 31, 12);

/** A message; a second later for each seq. */
export const message = (seq, by = BOB, more = {}) => ({
  type: "message",
  seq,
  at: new Date(START + seq * 1000).toISOString(),
  by,
  body: `text ${seq}`,
  ...more,
});

/** An edit, deletion or reaction. */
export const about = (type, seq, target, more = {}, by = BOB) => ({
  type, seq, target, at: new Date(START + seq * 1000).toISOString(), by, ...more,
});

/** A page of messages from one seq to another, of a log that ends at `head`. */
export function page(from, to, head = to, entries = range(from, to).map((seq) => message(seq))) {
  return { entries, from, to, head, oldest: 1 };
}

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, step) => from + step);
export const seqs = (timeline) => timeline.records.map((record) => record.seq);

/** Random numbers that are the same in every run. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
