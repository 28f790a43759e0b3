// A message's body: what people read of it, and what the server could not.

/**
 * What people read of a body: the body itself, or the `text` of an object; else its JSON.
 *
 * @param {unknown} body
 * @returns {string}
 */
export function textOf(body) {
  if (typeof body === "string") return body;
  const text = /** @type {{text?: unknown} | null | undefined} */ (body)?.text;
  return typeof text === "string" ? text : (JSON.stringify(body) ?? "");
}

/** Nested deeper, the server could not even read whose frame it is; its own limit is far below. */
const MAX_NESTING = 500;
const MAX_INTEGER = 2 ** 53;

/**
 * What of a body would make the server unable to tell which command it is refusing.
 *
 * @param {unknown} value A value of JSON.
 * @param {number} levels
 * @returns {string | null}
 */
export function faultIn(value, levels = MAX_NESTING) {
  if (typeof value === "string") {
    if (value.includes("\0")) return "Text must not contain U+0000.";
    return /\p{Surrogate}/u.test(value) ? "Text must not contain lone surrogates." : null;
  }
  if (typeof value === "number") {
    // From 1e21 on it is written as a float, which is fine.
    const isBeyond = Number.isInteger(value) && Math.abs(value) > MAX_INTEGER;
    return isBeyond && Math.abs(value) < 1e21 ? "Integers must be within ±2^53." : null;
  }
  if (typeof value !== "object" || value === null) return null;
  if (levels === 0) return "The body is nested too deeply.";
  for (const [key, part] of Object.entries(value)) {
    const fault = faultIn(key) ?? faultIn(part, levels - 1);
    if (fault) return fault;
  }
  return null;
}
