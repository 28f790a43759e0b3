/**
 * `<itemroom-room item="order-17">`: an item's room on any page.
 *
 * It makes no markup of text and has no styles in attributes, so it works under the strictest
 * Content-Security-Policy and with Trusted Types.
 */

import { share, textOf } from "./itemroom.js";
/** @import { Conversation, Credential, ShareOptions, View } from "./itemroom.js" */

// Elements without markup: whatever a text says, it stays text.

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} name Its class, for the element's own style, and its part, for the page's.
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(tag, name, attributes = {}, ...children) {
  const element = document.createElement(tag);
  element.className = name;
  element.setAttribute("part", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/**
 * A name or text that strangers wrote, and that turns no line around but its own.
 *
 * @param {string} text
 */
function isolated(text) {
  const element = document.createElement("bdi");
  element.textContent = text;
  return element;
}

// What the element says.

/** @typedef {typeof WORDS} Words */

const WORDS = {
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

// Where messages are written.

class Composer {
  #box;

  /**
   * @param {Words} words
   * @param {(text: string) => void} onSend
   */
  constructor(words, onSend) {
    this.#box = make("textarea", "input", { rows: "1", dir: "auto", enterkeyhint: "send" });
    const label = make("label", "label", {}, words.message, this.#box);
    this.element = make("form", "composer", {}, label, make("button", "send", {}, words.send));
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(onSend);
    });
    this.#box.addEventListener("keydown", (event) => {
      // The Enter that picks a word of an input method is not ours; Safari tells by 229 only.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#submit(onSend);
    });
  }

  focus() {
    this.#box.focus();
  }

  /** @param {(text: string) => void} onSend */
  #submit(onSend) {
    const text = this.#box.value.trim();
    this.#box.focus();
    if (text === "") return;
    this.#box.value = "";
    onSend(text);
  }
}

// The messages of a room, as rows that stay the same while what they show changes.

/** @typedef {View["entries"][number]} ViewEntry */

class Messages {
  #words;
  #acts;
  /** @type {Map<string, {entry: ViewEntry | null, row: HTMLElement}>} By the entry's key; null: show it again. */
  #rows = new Map();
  #mayStop = false;

  /**
   * @param {Words} words
   * @param {{retry: (ref: string) => void, discard: (ref: string) => void,
   *   stop: (seq: number) => void}} acts
   */
  constructor(words, acts) {
    this.#words = words;
    this.#acts = acts;
    // As a log, what comes is read out; with a tab stop, it can be scrolled by keys.
    const attributes = { role: "log", "aria-label": words.messages, tabindex: "0" };
    this.element = make("div", "messages", attributes);
  }

  /** @param {View} view */
  show({ entries, status, you }) {
    const { element } = this;
    const mayStop = you !== null && you.role !== "reader";
    if (mayStop !== this.#mayStop) for (const [key, { row }] of this.#rows) this.#rows.set(key, { row, entry: null });
    this.#mayStop = mayStop;
    const wasAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    const rows = entries.filter(({ type }) => type === "message").map((entry) => this.#rowOf(entry));
    const kept = new Set(rows);
    for (const [key, { row }] of this.#rows) {
      if (kept.has(row)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    // A row is only moved when it has to: whoever moves is read out again, and loses the focus.
    rows.forEach((row, index) => {
      if (element.children[index] !== row) element.insertBefore(row, element.children[index] ?? null);
    });
    // What was said before one came is there to be read, and not read out.
    element.setAttribute("aria-busy", String(status === "connecting" || status === "resuming"));
    if (wasAtEnd || entries.at(-1)?.status === "pending") element.scrollTop = element.scrollHeight;
  }

  /** @param {ViewEntry} entry */
  #rowOf(entry) {
    const known = this.#rows.get(entry.key);
    if (known?.entry === entry) return known.row;
    const row = known?.row ?? make("div", "message");
    row.dataset.status = entry.status;
    const isOpen = "open" in entry && entry.open === true;
    row.toggleAttribute("data-open", isOpen);
    // It is read out when it is complete, and not as it comes.
    row.setAttribute("aria-busy", String(isOpen));
    become(row, this.#parts(entry));
    this.#rows.set(entry.key, { entry, row });
    return row;
  }

  /** @param {ViewEntry} entry @returns {HTMLElement[]} */
  #parts(entry) {
    const at = new Date(entry.at);
    const clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const head = [
      make("span", "author", {}, isolated(entry.by?.name ?? "")),
      make("time", "time", { datetime: entry.at, title: at.toLocaleString() }, clock),
    ];
    return [...head, this.#text(entry), ...this.#end(entry), ...this.#fate(entry)];
  }

  /** @param {ViewEntry} entry */
  #text(entry) {
    if ("deleted_seq" in entry) return make("p", "gone", {}, this.#words.deleted);
    const body = "body" in entry ? entry.body : null;
    return make("p", "text", { dir: "auto" }, textOf(body));
  }

  /** What is to be said of a text that grows, or grew. @param {ViewEntry} entry @returns {HTMLElement[]} */
  #end(entry) {
    if (entry.status !== "stored" || entry.type !== "message") return [];
    const { writing, stopping, stop, ended } = this.#words;
    const said = ended[entry.finish?.state ?? ""];
    if (!entry.open) return said ? [make("p", "end", {}, said)] : [];
    if (entry.stop || !this.#mayStop) return [make("p", "end", {}, entry.stop ? stopping : writing)];
    const button = make("button", "stop", { type: "button" }, stop);
    button.addEventListener("click", () => this.#acts.stop(entry.seq));
    return [make("p", "end", {}, writing, button)];
  }

  /** @param {ViewEntry} entry */
  #fate(entry) {
    if (entry.status !== "failed") return [];
    const { retry, discard, notSent } = this.#words;
    const again = make("button", "retry", { type: "button" }, retry);
    again.addEventListener("click", () => this.#acts.retry(entry.ref));
    const away = make("button", "discard", { type: "button" }, discard);
    away.addEventListener("click", () => this.#acts.discard(entry.ref));
    const why = `${notSent} ${entry.error?.message ?? ""}`;
    return [make("p", "failure", {}, why, again, away)];
  }
}

/**
 * Only what differs is replaced: what is put in is read out.
 *
 * @param {HTMLElement} row
 * @param {HTMLElement[]} parts
 */
function become(row, parts) {
  parts.forEach((part, index) => {
    const before = row.children[index];
    if (!before) row.append(part);
    else if (!before.isEqualNode(part)) before.replaceWith(part);
  });
  while (row.children.length > parts.length) row.lastElementChild?.remove();
}

// How the element looks. What a page may change is a property `--itemroom-…`, or a part.

const STYLE = `
:host {
  --back: var(--itemroom-background, light-dark(#fff, #1b1d20));
  --text: var(--itemroom-text, light-dark(#22252a, #e6e6e2));
  --faint: var(--itemroom-faint, light-dark(#63625a, #a2a49f));
  --line: var(--itemroom-line, light-dark(#e2dfd6, #3a3e45));
  --edge: var(--itemroom-edge, light-dark(#8b8879, #7d828b));
  --accent: var(--itemroom-accent, light-dark(#176b5f, #5cc3ae));
  --on-accent: var(--itemroom-on-accent, light-dark(#fff, #08231e));
  --danger: var(--itemroom-danger, light-dark(#ad2a21, #ff9d91));
  --radius: var(--itemroom-radius, 10px);
  display: block;
  height: 26rem;
  color: var(--text);
  font: var(--itemroom-font, 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif);
}

:host([hidden]), [hidden] {
  display: none !important;
}

* {
  box-sizing: border-box;
}

section {
  display: flex;
  flex-direction: column;
  height: 100%;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--back);
}

p, ul {
  margin: 0;
  padding: 0;
}

header {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0 0.75rem;
  padding: 0.6rem 0.9rem;
  border-bottom: 1px solid var(--line);
}

.title {
  flex: 1;
  font-weight: 600;
  overflow-wrap: anywhere;
}

.status, .people, time, .note {
  color: var(--faint);
  font-size: 0.87em;
}

.status::before {
  display: inline-block;
  width: 0.55em;
  height: 0.55em;
  margin-inline-end: 0.4em;
  border: 2px solid var(--edge);
  border-radius: 50%;
  content: "";
}

.status[data-status="live"]::before {
  border-color: var(--accent);
  background: var(--accent);
}

.status[data-status="refused"] {
  color: var(--danger);
}

.people {
  flex-basis: 100%;
  max-height: 2.9em;
  overflow: hidden;
  list-style: none;
}

.people::before {
  content: attr(aria-label) ": ";
}

.people li {
  display: inline;
}

.people li:not(:last-child)::after {
  content: ", ";
}

.messages {
  flex: 1;
  padding: 0.6rem 0.9rem;
  overflow-y: auto;
  overscroll-behavior: contain;
}

.message {
  padding: 0.25rem 0;
}

.author {
  margin-inline-end: 0.5em;
  font-weight: 600;
}

.text {
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}

.message[data-status="pending"] time::after {
  content: " …";
}

.message[data-status="pending"] .text, .gone {
  color: var(--faint);
}

.gone {
  font-style: italic;
}

.message[data-open] .text::after {
  display: inline-block;
  width: 0.5ch;
  height: 1em;
  margin-inline-start: 0.1em;
  background: var(--accent);
  vertical-align: -0.12em;
  content: "";
}

.end {
  color: var(--faint);
  font-size: 0.87em;
}

.failure {
  color: var(--danger);
  font-size: 0.87em;
}

form, .note {
  padding: 0.6rem 0.9rem;
  border-top: 1px solid var(--line);
}

form {
  display: flex;
  align-items: flex-end;
  gap: 0.5rem;
}

label {
  flex: 1;
  color: var(--faint);
  font-size: 0.87em;
}

textarea {
  display: block;
  width: 100%;
  min-height: 2.4em;
  max-height: 9em;
  padding: 0.4em 0.6em;
  border: 1px solid var(--edge);
  border-radius: calc(var(--radius) * 0.6);
  background: transparent;
  color: var(--text);
  font: inherit;
  font-size: 1rem;
  field-sizing: content;
  resize: none;
}

button {
  padding: 0.45em 0.9em;
  border: 1px solid transparent;
  border-radius: calc(var(--radius) * 0.6);
  background: var(--accent);
  color: var(--on-accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}

.failure button, .end button {
  margin-inline-start: 0.5em;
  padding: 0 0.4em;
  border-color: var(--edge);
  background: transparent;
  color: var(--text);
}

:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: -2px;
}

form :focus-visible, .failure :focus-visible, .end :focus-visible {
  outline-offset: 1px;
}
`;

// The element itself: what its attributes say, and what it shows.

/** Where there are no elements, as on a server, the module can be imported all the same. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * An item's room: its messages, who is here, a box to write in, and how the connection is.
 *
 * Attributes: `item`, `url` (default: the page's own server), `token`, `user`, `tail`.
 */
export class ItemroomRoom extends Base {
  static observedAttributes = ["item", "url", "token", "user", "tail"];
  /** What it says; for another language put other words here before the first element is made. */
  static words = WORDS;
  /** @type {CSSStyleSheet | undefined} */
  static #sheet;

  /** @type {(() => Credential | Promise<Credential>) | undefined} */
  #getToken;
  /** @type {Conversation | null} */
  #conversation = null;
  /** @type {(() => void) | null} */
  #leave = null;
  /** @type {Face | null} */
  #face = null;

  /** As a room's; of those that are set one after the other, the newest is asked. */
  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    const isOther = !getToken !== !this.#getToken;
    this.#getToken = getToken;
    if (isOther) this.#join();
  }

  /** The room that it shows; null while it is on no page. */
  get room() {
    return this.#conversation?.room ?? null;
  }

  connectedCallback() {
    this.#build();
    // Set before the script with this class had come.
    if (Object.hasOwn(this, "getToken")) {
      const { getToken } = this;
      Reflect.deleteProperty(this, "getToken");
      this.getToken = getToken;
    } else this.#join();
  }

  disconnectedCallback() {
    this.#part();
  }

  /** @param {string} _name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(_name, before, now) {
    if (before !== now) this.#join();
  }

  #build() {
    if (this.#face) return;
    ItemroomRoom.#sheet ??= new CSSStyleSheet();
    ItemroomRoom.#sheet.replaceSync(STYLE);
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [ItemroomRoom.#sheet];
    this.#face = new Face(ItemroomRoom.words, {
      publish: (text) => void this.#conversation?.publish({ text }),
      retry: (ref) => this.#conversation?.retry(ref),
      discard: (ref) => this.#conversation?.discard(ref),
      // Refused, there is nothing more to say than what the room says itself.
      stop: (seq) => void this.#conversation?.room.stop(seq).catch(() => {}),
    });
    root.replaceChildren(this.#face.element);
  }

  #join() {
    if (!this.isConnected || !this.#face) return;
    this.#part();
    const item = this.getAttribute("item");
    if (!item) return;
    const { conversation, leave } = share(item, this.#options());
    this.#conversation = conversation;
    const show = () => this.#face?.show(conversation.view, item);
    const end = conversation.subscribe(show);
    this.#leave = () => {
      end();
      leave();
    };
    show();
  }

  #part() {
    this.#leave?.();
    this.#leave = this.#conversation = null;
  }

  /** @returns {ShareOptions} */
  #options() {
    /** @param {string} name */
    const given = (name) => this.getAttribute(name) ?? undefined;
    const tail = this.hasAttribute("tail") ? Number(given("tail")) : undefined;
    const common = { url: given("url") ?? "/", user: given("user"), tail };
    const first = this.#getToken;
    if (first) return { ...common, getToken: () => (this.#getToken ?? first)() };
    return { ...common, token: given("token") };
  }
}

/** What is in the element's shadow. */
class Face {
  #words;
  #title = make("p", "title");
  #status = make("p", "status", { role: "status" });
  #people;
  #messages;
  #composer;
  #note;
  /** What is written of people; they are written again only when it changes. */
  #here = "";

  /**
   * @param {Words} words
   * @param {{publish: (text: string) => void, retry: (ref: string) => void,
   *   discard: (ref: string) => void, stop: (seq: number) => void}} acts
   */
  constructor(words, acts) {
    this.#words = words;
    this.#people = make("ul", "people", { "aria-label": words.people, role: "list" });
    this.#composer = new Composer(words, acts.publish);
    this.#messages = new Messages(words, {
      retry: (ref) => this.#after(() => acts.retry(ref)),
      discard: (ref) => this.#after(() => acts.discard(ref)),
      stop: (seq) => this.#after(() => acts.stop(seq)),
    });
    this.#note = make("p", "note", { hidden: "" }, words.readOnly);
    const head = make("header", "header", {}, this.#title, this.#status, this.#people);
    const parts = [head, this.#messages.element, this.#composer.element, this.#note];
    this.element = make("section", "room", { "aria-label": words.room }, ...parts);
  }

  /** @param {View} view @param {string} item */
  show(view, item) {
    const title = view.title || item;
    this.#title.replaceChildren(isolated(title));
    this.element.setAttribute("aria-label", title);
    const said = this.#words.status[view.status] ?? view.status;
    const status = view.status === "refused" ? `${said} ${view.error?.message ?? ""}` : said;
    if (this.#status.textContent !== status) this.#status.textContent = status;
    this.#status.dataset.status = view.status;
    this.#showPeople(view);
    this.#messages.show(view);
    this.#composer.element.hidden = view.status === "refused" || view.you?.role === "reader";
    this.#note.hidden = view.you?.role !== "reader" || view.status === "refused";
  }

  /** The button is gone after it: whoever uses the keyboard goes on. @param {() => void} act */
  #after(act) {
    act();
    this.#composer.focus();
  }

  /** @param {View} view */
  #showPeople({ presence: { count, users }, status }) {
    // Without a connection nobody knows.
    const isKnown = status === "live" || status === "resuming";
    const names = isKnown ? users.map(({ name }) => name) : [];
    if (isKnown && count > names.length) names.push(`${names.length ? "+" : ""}${count - names.length}`);
    if (this.#here === names.join("\n")) return;
    this.#here = names.join("\n");
    this.#people.hidden = names.length === 0;
    this.#people.replaceChildren(...names.map((name) => make("li", "person", {}, isolated(name))));
  }
}

if (globalThis.customElements && !customElements.get("itemroom-room")) {
  customElements.define("itemroom-room", ItemroomRoom);
}
