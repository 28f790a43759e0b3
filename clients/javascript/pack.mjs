// Brings in what the package shares with the server, which has the one source of it, and what
// stands alone: React's hook, the transport of the AI SDK, and the agent of AG-UI.
import { copyFileSync, rmSync } from "node:fs";

const SHARED = [
  "../../api/web/itemroom.js",
  "../../api/web/itemroom-room.js",
  "src/react.js",
  "src/ai.js",
  "src/ag-ui.js",
  "../../LICENSE",
];
const here = (path) => new URL(path, import.meta.url);

for (const path of SHARED) {
  const copy = here(path.split("/").at(-1));
  if (process.argv[2] === "--clean") rmSync(copy, { force: true });
  else copyFileSync(here(path), copy);
}
