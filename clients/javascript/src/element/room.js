// The element itself: what its attributes say, and what it shows.
import { share } from "@itemroom/client";
import { Composer } from "./composer.js";
import { isolated, make } from "./dom.js";
import { Messages } from "./messages.js";
import { STYLE } from "./style.js";
import { WORDS } from "./words.js";
/** @import { Conversation, Credential, ShareOptions, View } from "@itemroom/client" */
/** @import { Words } from "./words.js" */

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
