/** Values in paths: whatever they hold, they cannot name something else. */

/** Stands in a path for a value that nothing can have; no encoded value holds it. */
export const NOWHERE = "\0";

/**
 * A value in the middle of a path. The server takes a slash for one, however it is written.
 *
 * @param {string} value
 */
export const segment = (value) => (/[/\\]/u.test(value) ? NOWHERE : lastSegment(value));

/**
 * A value at the end of a path, such as an outside user's name, which may hold slashes. Browsers
 * take `..` between them for the way up, `%2e%2e` too.
 *
 * @param {string} value
 */
export function lastSegment(value) {
  if (value === "" || value.split(/[/\\]/u).some((piece) => /^\.\.?$/u.test(piece))) return NOWHERE;
  try {
    return encodeURIComponent(value);
  } catch {
    return NOWHERE; // Half a character.
  }
}
