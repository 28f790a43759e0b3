// The driver in Node: commands and events are lines of JSON. The argument names the WebSocket, or
// `session`: then rooms share one.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { Room, Session } from "../../api/web/itemroom.js";
import { drive } from "./driver.mjs";

const options = {};
if (process.argv[2] === "ws") {
  options.WebSocket = createRequire(new URL("../node/package.json", import.meta.url))("ws");
}
/** A room of a session: all that are opened have the token of the first. */
function SharedRoom(url, { item, token, ...more }) {
  SharedRoom.session ??= new Session(url, { token });
  return SharedRoom.session.room(item, more);
}
const Class = process.argv[2] === "session" ? SharedRoom : Room;
const play = drive(Class, (event) => process.stdout.write(`${JSON.stringify(event)}\n`), options);
createInterface({ input: process.stdin })
  .on("line", (line) => play(JSON.parse(line)))
  .on("close", () => process.exit());
