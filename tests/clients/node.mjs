// The driver in Node: commands and events are lines of JSON. The argument names the WebSocket.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { Room } from "../../api/web/itemroom.js";
import { drive } from "./driver.mjs";

const options = {};
if (process.argv[2] === "ws") {
  options.WebSocket = createRequire(new URL("../node/package.json", import.meta.url))("ws");
}
const play = drive(Room, (event) => process.stdout.write(`${JSON.stringify(event)}\n`), options);
createInterface({ input: process.stdin })
  .on("line", (line) => play(JSON.parse(line)))
  .on("close", () => process.exit());
