// What a client says, as requests of REST, and what those answer, as frames of the socket.

/** @typedef {{method: string, path: string, body?: object}} Ask `path`: below the server's. */

/**
 * The request that does what a frame would; undefined: there is none.
 *
 * @param {string} item
 * @param {any} frame
 * @returns {Ask | undefined}
 */
export function requestOf(item, { type, target, ...fields }) {
  const path = `items/${item}`;
  switch (type) {
    case "publish":
    case "edit":
    case "delete":
    case "react": // The single calls for these two take no ref.
      return { method: "POST", path: "batch", body: { commands: [{ do: type, item, target, ...fields }] } };
    case "start":
      return { method: "POST", path: `${path}/messages`, body: { ...fields, open: true } };
    case "append":
    case "finish":
    case "stop":
      return { method: "POST", path: `${path}/messages/${target}/${type}`, body: fields };
    case "read":
      return { method: "PUT", path: `${path}/read`, body: fields };
    case "presence":
    case "ping":
      return { method: "GET", path: `${path}/presence` };
  }
  return undefined;
}

/**
 * Of a batch with one command, what became of that.
 *
 * @param {number} status
 * @param {any} answer
 * @returns {{status: number, answer: any}}
 */
export function single(status, answer) {
  const [one] = Array.isArray(answer?.answers) ? answer.answers : [];
  return one ? { status: one.status, answer: one } : { status, answer };
}

/**
 * What a socket would have said; undefined: nothing.
 *
 * @param {any} frame What was asked.
 * @param {any} answer Of a success.
 */
export function answered({ type, ref, target, part }, { seq, at, duplicate, ...answer }) {
  switch (type) {
    case "append":
      return { type: "appended", target, part, duplicate, ...answer };
    case "presence":
      return { type, ...answer };
    case "ping":
      return { type: "pong", head: null };
    case "read":
      return undefined;
  }
  return { type: "ack", ref, seq, at, duplicate };
}

/**
 * @param {any} frame What was asked.
 * @param {number} status
 * @param {any} problem
 */
export function problemOf({ type, ref, target, part }, status, problem) {
  const { code = `http_${status}`, detail = "", retry_after, length } = problem ?? {};
  const about = type === "append" ? { target, part, length } : { ref };
  return { type: "error", code, message: detail, retry_after, ...about };
}
