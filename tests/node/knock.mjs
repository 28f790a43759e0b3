// Opens one WebSocket as told by the first argument, waits for its end, prints what it saw.
import WebSocket from "ws";

const { url, headers, protocols } = JSON.parse(process.argv[2]);
const grouped = {};
for (const [name, value] of headers) (grouped[name] ??= []).push(value);

const frames = [];
const socket = new WebSocket(url, protocols, { headers: grouped, handshakeTimeout: 8000 });
const tell = (seen) => console.log(JSON.stringify(seen));

socket.on("message", (data) => frames.push(data.toString()));
socket.on("close", (code, reason) => tell({ status: 101, frames, code, reason: reason.toString() }));
socket.on("unexpected-response", async (_request, response) => {
  const parts = await response.toArray();
  tell({
    status: response.statusCode,
    retryAfter: response.headers["retry-after"] ?? null,
    body: Buffer.concat(parts).toString(),
  });
  process.exit();
});
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
