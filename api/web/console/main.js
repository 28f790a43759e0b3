/** The console: who is signed in, which page is shown, and the address that says so. */

import { openAccount } from "./account.js";
import * as api from "./api.js";
import { closeDialogs } from "./dialog.js";
import { button, el, fill } from "./dom.js";
import { invitation, inviteIn, invitedScreen } from "./invited.js";
import { ItemList, noItem } from "./items.js";
import { listenToKeys } from "./keys.js";
import { addressIn, hashOf } from "./links.js";
import { Notifications } from "./notifications.js";
import { regions } from "./notices.js";
import { avatar } from "./people.js";
import { RoomScreen } from "./room.js";
import { signInScreen } from "./signin.js";

/** @typedef {import("./api.js").Me} Me */

const body = document.body;
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const side = /** @type {HTMLElement} */ (document.getElementById("side"));

/** @type {{me: Me, list: ItemList, notifications: Notifications} | null} Null: signed out. */
let home = null;
/** @type {RoomScreen | null} */
let room = null;
let unread = 0;
/** @type {Omit<import("./api.js").Visitor, "me">} Whether one can sign up here. */
let door = { registration: "open", first: false };
const ENDED = "Your session has ended. Sign in to go on.";
/** While signing out: what ends with the session is no news, and nothing may ask. */
let isLeaving = false;

function showTitle() {
  const name = home && room ? room.frame.title : "Itemroom";
  document.title = `${home && unread > 0 ? `(${unread}) ` : ""}${name}`;
}

/** @param {boolean} [isChosen] Whether the reader has just asked for it. */
function showPage(isChosen = false) {
  const invite = inviteIn(location.hash);
  if (!home) return void (invite && showSignIn());
  const { me, list, notifications } = home;
  const onGone = () => isLeaving || list.refresh();
  const address = addressIn(location.hash);
  const id = address?.item ?? null;
  closeDialogs();
  if (room && room.itemId === id && address?.seq) return void room.jumpTo(address.seq);
  room?.leave();
  room = id === null ? null : new RoomScreen(id, me, {
    onActivity,
    onGone,
    onSeen: (seq) => notifications.saw(id, seq),
  });
  body.dataset.view = room || invite ? "room" : "list";
  fill(main, room ? room.element : invite ? invitedScreen(invite) : noItem());
  list.select(id);
  room?.open().then(() => {
    list.refresh();
    if (address?.seq && room?.itemId === id) room.jumpTo(address.seq);
  });
  room?.focus(isChosen);
  showTitle();
}

function onActivity() {
  home?.list.soon();
  showTitle();
}

/** @param {string} item @param {number} seq */
function openMessage(item, seq) {
  const hash = hashOf(item, seq);
  if (location.hash === hash) showPage(true);
  else location.hash = hash;
}

function leaveHome() {
  home?.list.end();
  home?.notifications.end();
}

/** @param {Me} me */
function enter(me) {
  leaveHome();
  const notifications = new Notifications(me, openMessage);
  const list = new ItemList({
    notifications,
    onUnread: (count) => {
      unread = count;
      showTitle();
    },
    onGone: () => isLeaving || list.refresh(),
  });
  home = { me, list, notifications };
  door.first = false;
  fill(side, list.element, accountBar(me, notifications));
  list.refresh();
  showPage();
}

/** @param {string} [notice] */
function showSignIn(notice = "") {
  closeDialogs();
  room?.leave();
  leaveHome();
  room = null;
  home = null;
  body.dataset.view = "sign-in";
  fill(side);
  const invite = inviteIn(location.hash);
  fill(main, signInScreen(enter, { notice, ...door, invited: invite ? invitation(invite) : null }));
  main.querySelector("input")?.focus();
  showTitle();
}

/** @param {Me} me @param {Notifications} notifications */
function accountBar(me, notifications) {
  const acts = { onRenamed: renamed, onSignOut: signOut, notifications };
  const open = button("", () => openAccount(me, acts), { class: "account" });
  showName(open, me);
  return el("footer", { class: "account-bar" }, open);
}

/** @param {Element} open @param {Me} me */
const showName = (open, me) =>
  fill(open, avatar(me), el("span", { class: "unseen" }, "Account: "), el("bdi", {}, me.name));

async function signOut() {
  isLeaving = true;
  try {
    await api.logout();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`You are still signed in. ${why}`);
  } finally {
    isLeaving = false;
  }
  showSignIn();
}

/** The reader has another name, also for the room that is open. @param {string} name */
function renamed(name) {
  const open = side.querySelector(".account");
  if (!home || !open) return;
  home.me.name = name;
  showName(open, home.me);
}

/**
 * Who is signed in may have changed elsewhere: in another tab, or by a program with our cookie.
 *
 * @param {(error: Error) => void} onFailure
 */
async function recognise(onFailure) {
  if (isLeaving) return;
  try {
    const { me, ...rest } = await api.visitor();
    door = rest;
    if (isLeaving) return;
    if (me && me.id !== home?.me.id) enter(me);
    else if (me && me.name !== home?.me.name) renamed(me.name);
    else if (!me && home) showSignIn(ENDED);
    else if (!me && body.dataset.view !== "sign-in") showSignIn();
  } catch (error) {
    onFailure(/** @type {Error} */ (error));
  }
}

function start() {
  body.append(...regions());
  document.getElementById("skip")?.addEventListener("click", () => main.focus());
  addEventListener("hashchange", () => showPage(true));
  addEventListener("keydown", (event) => listenToKeys(event, () => room?.find()));
  addEventListener("beforeunload", (event) => {
    if (room?.isWaiting) event.preventDefault();
  });
  api.session.onEnd = () => home && !isLeaving && showSignIn(ENDED);
  const look = () => document.hidden || recognise(() => {});
  addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
  recognise((error) => showSignIn(error.message));
}

start();
