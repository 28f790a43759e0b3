// Plays rooms as a test tells it, in Node or in a browser: one command in, events out.

// Nobody wants to wait for the dice: half a second becomes ten milliseconds.
const dice = Math.random;
Math.random = () => dice() / 50;

const TOLD = ["state", "welcome", "gap", "expiring", "role", "refused"];

/**
 * @param {typeof import("../../api/web/itemroom.js").Room} Room
 * @param {(event: object) => void} emit
 * @param {object} [options] Of every room.
 * @returns {(command: any) => void}
 */
export function drive(Room, emit, options = {}) {
  const rooms = new Map();
  return ({ room: name, do: act, ...given }) => {
    const tell = (event, data) => emit({ room: name, event, data });
    if (act === "open") rooms.set(name, open(Room, tell, { ...options, ...given }));
    else if (act in commands) settle(commands[act](rooms.get(name).room, given), given.ref, tell);
    else controls[act](rooms.get(name), given, tell);
  };
}

const commands = {
  publish: (room, { body, ref }) => room.publish(body, { ref }),
  edit: (room, { target, body, ref }) => room.edit(target, body, { ref }),
  delete: (room, { target, ref }) => room.delete(target, { ref }),
  write: (room, given) => write(room, given),
  react: (room, { target, value, on, ref }) => room.react(target, value, on, { ref }),
};

const controls = {
  close: ({ room }) => room.close(),
  reconnect: ({ room }) => room.reconnect(),
  pause: (played) => {
    played.gate = new Promise((resolve) => (played.resume = resolve));
  },
  resume: (played) => played.resume(),
  text: async ({ room }, { target }, tell) => {
    let text = "";
    for await (const more of room.text(target)) tell("grown", (text += more));
    tell("text", text);
  },
};

/** A message in the making, a few UTF-16 units at a time: characters are cut in two. */
async function write(room, { text, units, pause, ref }) {
  const stream = await room.start({ text: "" }, { ref });
  for (let at = 0; at < text.length; at += units) {
    stream.append(text.slice(at, at + units));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  return stream.finish({ ref: `${ref} finish` });
}

function open(Room, tell, { url, tokens, ...options }) {
  if (tokens) {
    options.getToken = async () => {
      tell("asked", null);
      return tokens.length > 1 ? tokens.shift() : tokens[0];
    };
  }
  const room = new Room(url, options);
  for (const type of TOLD) room.addEventListener(type, ({ detail }) => tell(type, plain(detail)));
  const played = { room, gate: null, texts: new Map() };
  room.addEventListener("open", ({ detail: { seq, body } }) => played.texts.set(seq, body.text));
  room.addEventListener("append", ({ detail: { target, text } }) => {
    played.texts.set(target, played.texts.get(target) + text);
  });
  read(played, tell);
  return played;
}

async function read(played, tell) {
  try {
    for await (const entry of played.room) {
      tell("entry", entry);
      if (entry.type === "message") played.texts.set(entry.seq, entry.body?.text);
      if (entry.type === "finish") {
        tell("shown", entry.body?.text ?? played.texts.get(entry.target));
      }
      await played.gate;
    }
    tell("end", null);
  } catch (error) {
    tell("end", plain(error));
  }
}

async function settle(answer, ref, tell) {
  try {
    tell("answer", { ref, seq: await answer });
  } catch (error) {
    tell("answer", { ref, ...plain(error) });
  }
}

// An error's own fields are all that JSON would lose.
function plain(detail) {
  if (!(detail instanceof Error)) return detail;
  const { name, message, code, retry, retryAfter, closeCode } = detail;
  return { name, message, code, retry, retryAfter, closeCode };
}
