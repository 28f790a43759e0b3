// `ws` as its documentation has it: a loop over the clients, here those of a room.
const { WebSocketServer } = require("ws");

const rooms = new Map();
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });

server.on("connection", (socket, request) => {
  const room = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, room.add(socket));
  socket.on("error", () => socket.terminate());
  socket.on("close", () => room.delete(socket));
  socket.on("message", (data) => {
    for (const client of room) {
      if (client.readyState === 1) client.send(data, { binary: false });
    }
  });
});
