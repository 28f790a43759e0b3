/** A room's messages on the screen: the past when it is asked for, the present as it comes. */

import { Actions, editInline } from "./actions.js";
import { listenToArrows } from "./arrows.js";
import { Attention } from "./attention.js";
import { confirmDialog } from "./dialog.js";
import { el } from "./dom.js";
import { Find } from "./find.js";
import { shown, textOf } from "./format.js";
import { Jump } from "./jump.js";
import { VirtualList } from "./list.js";
import { estimate, growRow, renderRow } from "./message.js";
import { copyLink } from "./links.js";
import { announce, toast } from "./notices.js";
import { Outgoing } from "./outgoing.js";
import { Pace } from "./pace.js";
import { Pager } from "./pager.js";
import { rowsOf } from "./rows.js";
import { MAX_KEPT, Timeline } from "./timeline.js";

/** @typedef {import("./timeline.js").Entity} Entity */
/** @typedef {import("./timeline.js").Entry} Entry */
/** @typedef {import("./timeline.js").Page} Page */
/** @typedef {import("./rows.js").Row} Row */
/**
 * @typedef {{itemId: string, me: {id: string, name: string}, people: import("./people.js").People,
 *   commands: () => import("./outgoing.js").Commands, role: () => string,
 *   onRead: (seq: number) => void, onDrawn: () => void, onLeaveList: () => void,
 *   onTakeBack: (text: string) => void, onReply: (record: Entity) => void, limit: () => number | null,
 *   named: (body: unknown, before: unknown) => unknown}} Options `named`: a changed body, with whom it names.
 */

// Trimming moves much: it is done now and then, not for each message.
const SLACK = 200;

export class Conversation {
  timeline;
  #canvas = el("ol", { class: "canvas", role: "list", "aria-label": "Messages" });
  #scroller = el(
    "div",
    { class: "scroller", role: "region", "aria-label": "Conversation", tabindex: 0 },
    this.#canvas,
  );
  #jump = new Jump(() => this.toLatest());
  #find = new Find(this.#canvas, {
    records: () => this.timeline.records,
    onShow: (seq) => this.#list.reveal(String(seq), "center"),
    onClose: (seq) => this.#closeFind(seq),
  });
  /** @type {VirtualList<Row>} */
  #list;
  #actions;
  #outgoing;
  #pager;
  #attention = new Attention();
  /** @type {number | null} The message that is being edited: not to be drawn again. */
  #editing = null;
  #pace = new Pace(() => {
    if (!this.#stop.signal.aborted) this.draw();
    this.#seen();
  });
  #isShown = false;
  #stop = new AbortController();

  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.timeline = new Timeline(options.me.id);
    this.#outgoing = new Outgoing(this.timeline, options.commands, () => this.#pace.soon());
    this.#pager = this.#newPager();
    const parts = [this.#find.element, this.#scroller, this.#jump.element];
    this.element = el("div", { class: "conversation" }, parts);
    const context = this.#context();
    this.#list = new VirtualList(this.#scroller, this.#canvas, {
      render: (row) => renderRow(row, context),
      estimate,
      grow: growRow,
      isSteady: (row) => "record" in row,
      isHeld: (row) => row.kind === "message" && row.record.seq === this.#editing,
      onMove: () => this.#moved(),
      onReplace: (old, element) => this.#actions.follow(old, element),
    });
    this.#actions = new Actions(this.#canvas, this.#acts());
    listenToArrows(this.#scroller, this.#list, {
      onLeave: options.onLeaveList,
      onEnd: () => this.toLatest(),
    });
    const { signal } = this.#stop;
    document.addEventListener("visibilitychange", () => this.#seen(), { signal });
  }

  /** Begin with the newest page. @param {Page} page @param {number | null} newAfter */
  show(page, newAfter) {
    this.timeline.reset(page);
    this.#attention.come(newAfter);
    this.#isShown = true;
    this.draw();
    if (newAfter !== null) this.#list.reveal("new", "center");
    this.#moved();
  }

  end() {
    this.#stop.abort();
    this.#find.end();
    this.#list.end();
  }

  /** A live entry. @param {Entry} entry */
  apply(entry) {
    const { timeline, options } = this;
    options.people.learnAll([entry]);
    const isTheirs = entry.type === "message" && entry.by.id !== options.me.id;
    if (isTheirs && !this.#isWatching) this.#attention.miss(entry.seq);
    timeline.apply(entry);
    this.#announce(entry);
    this.#bound();
    this.#pace.soon();
  }

  /** Text of a message in the making. @param {import("./timeline.js").Open | import("./timeline.js").Append} frame */
  grow(frame) {
    this.timeline.grow(frame);
    this.#pace.soon();
  }

  /**
   * The log begins anew after a seq: what was shown is of another life.
   *
   * @param {{after: number, oldest: number}} gap
   */
  restart({ after, oldest }) {
    this.timeline.forget();
    this.timeline.reset({ entries: [], from: after + 1, to: after, head: after, oldest });
    this.#attention.come(null);
    this.#list.isAtEnd = true;
    this.draw();
  }

  /** @param {unknown} body */
  send(body) {
    this.#attention.answer();
    this.#outgoing.publish(body);
    if (this.timeline.attached) {
      this.draw();
      this.#list.toEnd();
    } else {
      this.toLatest();
    }
  }

  get isWaiting() {
    return this.#outgoing.isWaiting;
  }

  /** Whether a message stands here that is not stored: it waits, or was refused. */
  get hasUnsent() {
    return this.timeline.pending.length > 0;
  }

  editLast() {
    const isEditable = (/** @type {Entity} */ record) =>
      textOf(record.body) !== null && !record.open;
    const record = this.timeline.lastOf(this.options.me.id);
    if (record && isEditable(record)) this.#edit(record);
  }

  async toLatest() {
    if (!this.timeline.attached) await this.#pager.newest();
    this.#list.toEnd();
  }

  /** Bring a message to the screen, wherever it is. @param {number} seq */
  async jumpTo(seq) {
    const { timeline } = this;
    while (seq < timeline.from && !timeline.isAtStart && this.#pager.edge !== "failed") {
      await this.#pager.older();
    }
    if (seq > timeline.to && !timeline.attached) await this.#pager.newest();
    const element = timeline.get(seq) ? this.#list.element(String(seq)) : null;
    if (!element) return toast("This message is not here.");
    this.#list.reveal(String(seq), "center");
    element.focus({ preventScroll: true });
  }

  find() {
    this.#find.open();
  }

  /** The keyboard goes on at what was found. @param {number | null} seq */
  #closeFind(seq) {
    const row = seq === null ? null : this.#list.element(String(seq));
    if (row) row.focus({ preventScroll: true });
    else this.options.onLeaveList();
  }

  /** Draw again all of it: names or rights have changed. */
  redraw() {
    for (const record of this.timeline.records) record.version += 1;
    this.draw();
  }

  draw() {
    if (!this.#isShown) return; // What is not known yet is no empty room.
    const { newAfter } = this.#attention;
    const view = { me: this.options.me.id, newAfter, edge: this.#pager.edge };
    this.#list.update(rowsOf(this.timeline, view));
    this.#showJump();
    this.#find.refresh();
    this.options.onDrawn();
  }

  /** A text that grows is read out when it is complete, and not as it comes. @param {Entry} entry */
  #announce(entry) {
    const isEnd = entry.type === "finish";
    const of = isEnd ? this.timeline.get(entry.target ?? 0) : entry;
    if ((entry.type !== "message" && !isEnd) || !of || of.by.id === this.options.me.id) return;
    const said = entry.open ? "is writing…" : shown(of.body).text.slice(0, 200);
    const end = isEnd && entry.state !== "done" ? ` (${entry.state})` : "";
    announce(entry.open ? `${of.by.name} ${said}` : `${of.by.name}: ${said}${end}`);
  }

  /** Whether the reader sees what comes. */
  get #isWatching() {
    return !document.hidden && this.#list.isAtEnd && this.timeline.attached;
  }

  #seen() {
    if (document.hidden) this.#attention.leave();
    if (!this.#isWatching) return;
    this.#attention.look();
    this.options.onRead(this.timeline.latest);
    this.#showJump();
  }

  #moved() {
    this.#seen();
    this.#showJump();
    const { edge, isLoading } = this.#pager;
    if (isLoading) return;
    if (this.#list.isNearTop && !this.timeline.isAtStart) {
      if (edge !== "failed") this.#pager.older();
    } else if (this.#list.isNearEnd && !this.timeline.attached) {
      this.#pager.newer();
    }
  }

  #newPager() {
    return new Pager(this.options.itemId, this.timeline, {
      onPage: (page) => this.options.people.learnAll(page.entries),
      onReset: () => {
        this.#list.isAtEnd = true;
      },
      onDone: (isLoaded) => {
        if (this.#stop.signal.aborted) return;
        this.draw();
        if (isLoaded) this.#moved();
      },
    });
  }

  /** Keep memory bounded while the reader follows, or reads elsewhere. */
  #bound() {
    const end = this.#list.isAtEnd ? "oldest" : "newest";
    const most = this.#list.isAtEnd ? MAX_KEPT : MAX_KEPT * 2;
    if (this.timeline.records.length > most + SLACK) this.timeline.trim(end, most);
  }

  #showJump() {
    const isThere = this.#list.isAtEnd && this.timeline.attached;
    this.#jump.show(isThere, this.#attention.unseen);
  }

  /** @param {Entity} record */
  #edit(record) {
    const row = this.#list.element(String(record.seq));
    if (!row || this.#editing !== null) return;
    this.#editing = record.seq;
    this.#actions.hide();
    editInline(row, record, {
      limit: this.options.limit,
      onSave: (body) => {
        const changed = this.options.named(body, record.body);
        this.#outgoing.give((commands) => commands.edit(record.seq, changed));
      },
      onEnd: () => {
        this.#editing = null;
        record.version += 1;
        this.draw();
        this.options.onLeaveList();
      },
    });
  }

  get #canWrite() {
    return this.options.role() === "writer" || this.options.role() === "admin";
  }

  /** @returns {import("./message.js").Context} */
  #context() {
    const { me, people } = this.options;
    return {
      me,
      people,
      canWrite: () => this.#canWrite,
      onReact: (record, value, on) =>
        this.#outgoing.give((commands) => commands.react(record.seq, value, on)),
      onStop: (record) => this.#outgoing.give((commands) => commands.stop(record.seq)),
      onRetry: (ref) => this.#outgoing.retry(ref),
      onDiscard: (ref) => this.#outgoing.discard(ref),
      onTakeBack: (ref) => this.options.onTakeBack(this.#outgoing.takeBack(ref)),
      onLoadOlder: () => this.#pager.older(),
      find: (seq) => this.timeline.get(seq),
      onJump: (seq) => this.jumpTo(seq),
    };
  }

  /** @returns {import("./actions.js").Acts} */
  #acts() {
    const isMine = (/** @type {Entity} */ record) => record.by.id === this.options.me.id;
    return {
      find: (row) => this.timeline.get(Number(row.dataset.seq)),
      rights: (record) => {
        const mayChange = this.#canWrite && (isMine(record) || this.options.role() === "admin");
        const hasText = textOf(record.body) !== null && !record.open;
        return { react: this.#canWrite, edit: mayChange && hasText, remove: mayChange };
      },
      onReact: (record, value) =>
        this.#outgoing.give((commands) => commands.react(record.seq, value)),
      onReply: (record) => this.options.onReply(record),
      onLink: (record) => copyLink(this.options.itemId, record.seq),
      onEdit: (record) => this.#edit(record),
      onRemove: (record) =>
        confirmDialog("Delete message?", "Its text is erased for everybody.", "Delete", () =>
          this.#outgoing.give((commands) => commands.delete(record.seq)),
        ),
    };
  }
}
