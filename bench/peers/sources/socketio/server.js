// Socket.IO as its documentation has it: a room, an event, and an acknowledgement.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });

io.on("connection", (socket) => {
  const { room } = socket.handshake.query;
  socket.join(room);
  socket.on("say", (text, answer) => {
    io.to(room).emit("said", text);
    answer();
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1");
