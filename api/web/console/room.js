/** One item's room: the connection, the conversation, the company, and what can be done here. */

import { Refused, Room } from "../itemroom.js";

import * as api from "./api.js";
import { openAccess } from "./access.js";
import { Company } from "./company.js";
import { Composer } from "./composer.js";
import { ConnectionStatus } from "./connection.js";
import { Conversation } from "./conversation.js";
import { reasonFor } from "./format.js";
import { newestPage } from "./history.js";
import { openMembers } from "./members.js";
import { withMentions } from "./mentions.js";
import { toast } from "./notices.js";
import { SERVER } from "./paths.js";
import { People } from "./people.js";
import { RoomFrame } from "./room-frame.js";

/** @typedef {import("./timeline.js").Entry} Entry */
/** @typedef {{id: string, name: string}} User */

const READ_MS = 300; // Reading on tells where the reader is at most so often.
const FAREWELL_MS = 60_000; // How long a room that was left goes on sending what was written in it.

export class RoomScreen {
  /** @type {Room | null} */
  #room = null;
  #people = new People();
  /** @type {import("./api.js").Member[]} Whom a text may name. */
  #members = [];
  #role = "reader";
  #refused = "";
  #isLeft = false;
  #readSeq = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reading;
  /** The newest message, if it is ours: who has seen it? @type {number | null} */
  #mine = null;

  /**
   * @param {string} itemId
   * @param {User} me
   * @param {{onActivity: () => void,
   *   onGone: () => void, onSeen: (seq: number) => void}} app
   */
  constructor(itemId, me, app) {
    this.itemId = itemId;
    this.me = me;
    this.app = app;
    this.#people.learn(me);
    this.status = new ConnectionStatus();
    this.company = new Company(me);
    this.conversation = new Conversation({
      itemId,
      me,
      people: this.#people,
      commands: () => this.#commands(),
      role: () => (this.#refused ? "" : this.#role),
      onRead: (seq) => this.#read(seq),
      onDrawn: () => this.#showSeen(),
      onLeaveList: () => this.composer.focus(),
      onTakeBack: (text) => this.composer.takeBack(text),
      onReply: (record) => this.composer.reply(record),
      limit: () => this.#room?.limits?.body_bytes ?? null,
      named: (body, before) => withMentions(body, this.#usernames(), before),
    });
    this.composer = new Composer(itemId, {
      onSend: (body) => this.conversation.send(withMentions(body, this.#usernames())),
      onTyping: (on) => this.#room?.signal("typing", on),
      onEditLast: () => this.conversation.editLast(),
      limit: () => this.#room?.limits?.body_bytes ?? null,
      candidates: () => this.#candidates(),
    });
    this.frame = new RoomFrame(itemId, {
      status: this.status,
      company: this.company,
      conversation: this.conversation.element,
      composer: this.composer.element,
      onFind: () => this.find(),
      onMembers: () => openMembers(itemId, this.#role, me, app.onGone),
      onAccess: () => openAccess(itemId, this.#role),
      onDrop: () => this.#room?.reconnect(),
    });
    this.element = this.frame.element;
    this.#showState("connecting", null, null);
  }

  /** Bring a message to the screen. @param {number} seq */
  jumpTo(seq) {
    return this.conversation.jumpTo(seq);
  }

  find() {
    this.conversation.find();
  }

  /** Show what was said, and join. */
  async open() {
    try {
      const [item, page] = await Promise.all([api.item(this.itemId), newestPage(this.itemId)]);
      if (this.#isLeft) return;
      this.#showItem(item);
      this.#people.learnAll(page.entries);
      this.conversation.show(page, item.unread > 0 ? item.read_seq : null);
      this.#join(page.head, page.epoch);
      this.#learnMembers();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {boolean} isFocused Whether the reader came by the keyboard or a click. */
  focus(isFocused) {
    if (isFocused && matchMedia("(hover: hover)").matches) this.composer.focus();
  }

  leave() {
    this.#isLeft = true;
    this.conversation.end();
    this.company.end();
    this.status.end();
    clearTimeout(this.#reading);
    const room = this.#room;
    if (!room) return;
    if (this.#readSeq > 0) room.read(this.#readSeq);
    if (!this.conversation.isWaiting) return room.close();
    // What was written is still to be stored, though nobody looks on.
    const started = Date.now();
    const timer = setInterval(() => {
      if (this.conversation.isWaiting && Date.now() - started < FAREWELL_MS) return;
      clearInterval(timer);
      room.close();
    }, 250);
  }

  get isWaiting() {
    return this.conversation.isWaiting;
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#isLeft) return;
    const code = error instanceof api.Problem ? error.code : "internal";
    const isFinal = error instanceof api.Problem && error.status >= 400 && error.status < 429;
    if (isFinal) return this.#refuse(code);
    this.#showState("waiting", code, Date.now() + 3000);
    setTimeout(() => !this.#isLeft && this.open(), 3000);
  }

  /** @param {number} after @param {string} epoch */
  #join(after, epoch) {
    const room = new Room(SERVER, { item: this.itemId, after, epoch });
    this.#room = room;
    room.addEventListener("state", ({ detail }) => {
      if (detail.state !== "live" && this.status.element.dataset.state === "live") {
        this.status.lose(room.seq);
      }
      this.#showState(detail.state, detail.reason, detail.retryAt);
    });
    room.addEventListener("welcome", ({ detail }) => this.#welcomed(detail));
    room.addEventListener("entry", ({ detail }) => this.#heard(detail));
    room.addEventListener("open", ({ detail }) => this.conversation.grow(detail));
    room.addEventListener("append", ({ detail }) => this.conversation.grow(detail));
    room.addEventListener("live", () => this.status.found());
    room.addEventListener("gap", ({ detail }) => {
      this.conversation.restart(detail);
      toast("The log began anew: messages from before may be missing.");
    });
    room.addEventListener("presence", () => this.#showPresence());
    room.addEventListener("role", ({ detail }) => this.#setRole(detail.role));
    room.addEventListener("signal", ({ detail }) => {
      if (detail.name === "typing") this.company.typing(detail.by, detail.body === true);
    });
    room.addEventListener("read", ({ detail }) => {
      this.company.read(detail.by, detail.seq);
      this.#showSeen();
    });
    room.addEventListener("refused", ({ detail }) => this.#refuse(detail.code));
  }

  /** @param {{you: {role: string}, item: {title: string | null}}} frame */
  #welcomed(frame) {
    this.frame.setTitle(frame.item.title);
    this.#setRole(frame.you.role);
    this.#showPresence();
  }

  /** @param {Entry} entry */
  #heard(entry) {
    if (this.status.element.dataset.state !== "live") this.status.caughtUp();
    this.conversation.apply(entry);
    if (entry.type === "message") this.#noteMessage(entry);
    // Who was removed is told so, and may not ask who is left.
    const isFarewell = entry.type === "member" && !entry.role && entry.user.id === this.me.id;
    if (entry.type === "member" && !isFarewell) this.#learnMembers();
    if (entry.type === "item" && entry.title !== undefined) this.frame.setTitle(entry.title);
    this.app.onActivity();
  }

  /** @param {Entry} entry */
  #noteMessage(entry) {
    this.company.typing(entry.by, false);
    this.#mine = entry.by.id === this.me.id ? entry.seq : null;
    this.#showSeen();
  }

  /** The line stands below all messages: it is about none of them while one waits there. */
  #showSeen() {
    this.company.showSeen(this.conversation.hasUnsent ? null : this.#mine);
  }

  /** @param {import("./api.js").Item} item */
  #showItem(item) {
    this.frame.setTitle(item.title);
    this.#setRole(item.role);
  }

  /** @param {string} role */
  #setRole(role) {
    if (role !== this.#role) {
      this.#role = role;
      this.conversation.redraw();
    }
    this.#showRights();
  }

  #showRights() {
    if (this.#refused) this.composer.allow(this.#refused);
    else this.composer.allow(this.#role === "reader" ? "You can read here, but not write." : "");
  }

  #showPresence() {
    const presence = this.#room?.presence;
    if (!presence) return;
    presence.users?.forEach((user) => this.#people.learn(user));
    this.company.show(presence);
  }

  /**
   * @param {import("./connection.js").State} state
   * @param {string | null} reason
   * @param {number | null} retryAt
   */
  #showState(state, reason, retryAt) {
    this.status.show(state, reason, retryAt);
    if (state !== "live" && state !== "resuming") this.company.lose();
    this.frame.drop.disabled = state !== "live";
  }

  /** It is over: say why, and keep what is on the screen. @param {string} code */
  #refuse(code) {
    this.#refused = reasonFor(code, "The server did not let you in.");
    this.#showState("refused", code, null);
    this.status.giveUp();
    this.frame.close();
    this.conversation.redraw();
    this.#showRights();
    this.app.onGone();
  }

  /** Reactions have only ids: the members' names make sense of them. */
  async #learnMembers() {
    const { members } = await api.members(this.itemId).catch(() => ({ members: [] }));
    this.#members = members;
    const news = members.filter(({ user }) => this.#people.learn(user));
    if (news.length > 0 && !this.#isLeft) this.conversation.redraw();
  }

  #usernames() {
    return new Set(this.#members.map(({ username }) => username));
  }

  /** The other members; of those who are only present, nobody tells the username. */
  #candidates() {
    return this.#members
      .filter(({ user }) => user.id !== this.me.id)
      .map(({ user, username }) => ({ user, username, isHere: this.company.has(user.id) }));
  }

  /** @param {number} seq */
  #read(seq) {
    if (seq <= this.#readSeq || this.#refused) return;
    this.#readSeq = seq;
    this.app.onSeen(seq);
    clearTimeout(this.#reading);
    this.#reading = setTimeout(() => {
      this.#room?.read(seq);
      this.app.onActivity();
    }, READ_MS);
  }

  #commands() {
    if (!this.#room) throw new Refused("closed", "There is no connection yet.");
    return this.#room;
  }
}
