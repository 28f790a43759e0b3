/** Where the server is, and values in paths: whatever they hold, they name nothing else. */

/** The server's address, without a slash at its end: it may lie below a path of somebody else's. */
export const SERVER = new URL("..", import.meta.url).href.slice(0, -1);

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
