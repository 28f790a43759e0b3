/** Programs that work as pasted. Pure: texts from a server's address, an item and a token. */

/** @typedef {{server: string, item: string, token: string, canWrite: boolean}} Place */
/** @typedef {{id: string, label: string, run: string, code: string}} Snippet */

/** @param {string} server */
const socketUrl = (server) => server.replace(/^http/u, "ws");

/** @param {Place} place */
function curl({ server, item, token, canWrite }) {
  const publish = [
    `curl -sS ${server}/items/${item}/messages \\`,
    `  -H "Authorization: Bearer ${token}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '{"body": "Hello from curl"}'`,
  ];
  const read = [
    `curl -sS "${server}/items/${item}/messages?limit=10" \\`,
    `  -H "Authorization: Bearer ${token}"`,
  ];
  return [...(canWrite ? [...publish, "echo"] : []), ...read, "echo"].join("\n");
}

/** @param {Place} place */
function python({ server, item, token, canWrite }) {
  const url = `${socketUrl(server)}/items/${item}/ws`;
  return [
    "import json",
    "import uuid",
    "",
    "from websockets.sync.client import connect  # pip install websockets",
    "",
    `url = "${url}"`,
    `headers = {"Authorization": "Bearer ${token}"}`,
    "",
    "with connect(url, additional_headers=headers) as room:",
    ...(canWrite ? [
      '    message = {"type": "publish", "ref": uuid.uuid4().hex, "body": "Hello from Python"}',
      "    room.send(json.dumps(message))",
    ] : []),
    "    for text in room:",
    "        frame = json.loads(text)",
    '        if frame["type"] == "message":',
    '            print(frame["seq"], frame["by"]["name"], frame.get("body"), flush=True)',
  ].join("\n");
}

/** @param {Place} place */
function javascript({ server, item, token, canWrite }) {
  return [
    `const server = "${server}";`,
    "// The server's own client; as a package, this is: import { Room } from \"itemroom\";",
    "const source = await (await fetch(`${server}/itemroom.js`)).text();",
    'const { Room } = await import("data:text/javascript," + encodeURIComponent(source));',
    "",
    "const room = new Room(server, {",
    `  item: "${item}",`,
    `  token: "${token}",`,
    "});",
    ...(canWrite ? ['room.publish("Hello from JavaScript");'] : []),
    "for await (const entry of room) {",
    '  if (entry.type === "message") console.log(entry.seq, entry.by.name, entry.body);',
    "}",
  ].join("\n");
}

/** @param {Place} place */
function browser({ server, item, token, canWrite }) {
  return [
    "<!doctype html>",
    '<meta charset="utf-8">',
    "<title>A room</title>",
    "<ul></ul>",
    '<script type="module">',
    `  import { Room } from "${server}/itemroom.js";`,
    "",
    `  const room = new Room("${server}", {`,
    `    item: "${item}",`,
    `    token: "${token}",`,
    "  });",
    ...(canWrite ? ['  room.publish("Hello from a page");'] : []),
    "  for await (const entry of room) {",
    '    if (entry.type !== "message") continue;',
    '    const line = document.createElement("li");',
    "    line.textContent = `${entry.by.name}: ${JSON.stringify(entry.body)}`;",
    '    document.querySelector("ul").append(line);',
    "  }",
    "</" + "script>",
  ].join("\n");
}

const SHELL = "In a shell";
const PYTHON = "pip install websockets, then python room.py";

/** @param {Place} place @returns {Snippet[]} */
export const tokenSnippets = (place) => [
  { id: "curl", label: "curl", run: SHELL, code: curl(place) },
  { id: "python", label: "Python", run: PYTHON, code: python(place) },
  {
    id: "javascript",
    label: "JavaScript",
    run: "Node 22 or later: node room.mjs",
    code: javascript(place),
  },
  {
    id: "browser",
    label: "Web page",
    run: "Save as room.html and open it",
    code: browser(place),
  },
];

/**
 * A ticket opens one socket, within seconds.
 *
 * @param {{server: string, item: string, ticket: string}} place
 * @returns {Snippet[]}
 */
export function ticketSnippets({ server, item, ticket }) {
  const url = `${socketUrl(server)}/items/${item}/ws?ticket=${ticket}`;
  const js = [
    `const room = new WebSocket("${url}");`,
    "room.onmessage = ({ data }) => console.log(data);",
  ];
  const py = [
    "from websockets.sync.client import connect  # pip install websockets",
    "",
    `with connect("${url}") as room:`,
    "    for frame in room:",
    "        print(frame, flush=True)",
  ];
  const anywhere = "In a browser's console, or Node 22 or later";
  return [
    { id: "javascript", label: "JavaScript", run: anywhere, code: js.join("\n") },
    { id: "python", label: "Python", run: PYTHON, code: py.join("\n") },
  ];
}
