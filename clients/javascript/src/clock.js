// Time that passes.

/** What `setTimeout` can count to; more would fire at once. */
export const LONGEST = 2 ** 31 - 1;

/** Milliseconds of a clock that nobody sets: waits must not grow by hours when the day's is. */
export const uptime = () => performance.now();
