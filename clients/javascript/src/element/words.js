// What the element says.

/** @typedef {typeof WORDS} Words */

export const WORDS = {
  room: "Room",
  messages: "Messages",
  people: "Here now",
  message: "Message",
  send: "Send",
  retry: "Send again",
  discard: "Discard",
  notSent: "Not sent.",
  deleted: "Deleted",
  writing: "writing…",
  stopping: "stopping…",
  stop: "Stop",
  /** @type {Record<string, string>} How a text that grew ended, where there is something to say. */
  ended: { stopped: "stopped", interrupted: "interrupted", failed: "failed" },
  readOnly: "You can read here, but not write.",
  /** @type {Record<string, string>} By status. */
  status: {
    connecting: "Connecting…",
    resuming: "Catching up…",
    live: "Live",
    waiting: "No connection. Trying again…",
    refused: "Not let in.",
    closed: "Closed",
  },
};
