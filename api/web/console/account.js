/** The reader's own account: how others see them, their password, and where they are signed in. */

import * as api from "./api.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { button, el, field, fill, select } from "./dom.js";
import { form } from "./form.js";
import { ago, device, fullTime } from "./format.js";
import { complain } from "./notices.js";
import { isPossible } from "./notifications.js";
import { SERVER } from "./paths.js";
import { avatar } from "./people.js";

/** @typedef {import("./api.js").Me} Me */
/** @typedef {import("./api.js").Session} Session */
/** @typedef {import("./notifications.js").Notifications} Notifications */
/** @typedef {import("./notifications.js").Wish} Wish */

/**
 * @param {Me} me
 * @param {{onRenamed: (name: string) => void, onSignOut: () => Promise<void>,
 *   notifications: Notifications}} acts
 */
export function openAccount(me, { onRenamed, onSignOut, notifications }) {
  const identity = el("p", { class: "identity" });
  const showIdentity = () =>
    fill(identity, avatar(me), el("bdi", {}, me.name), el("code", {}, me.username));
  showIdentity();
  const list = el("ul", { class: "people sessions", role: "list", "aria-label": "Sessions" });
  const others = el("div", {});
  const show = () => showSessions(list, others);
  const renamed = (/** @type {string} */ name) => {
    onRenamed(name);
    showIdentity();
  };
  if (me.credential.kind !== "session") {
    // Somebody else says who this is, and ends it.
    openDialog("Account", [identity, el("p", {}, links(me)), notificationForm(notifications)]);
    return;
  }
  openDialog("Account", [
    identity,
    el("p", {}, links(me)),
    nameForm(me, renamed),
    notificationForm(notifications),
    passwordForm(me, show),
    el("section", { "aria-label": "Your sessions" }, el("h3", {}, "Sessions"), list, others),
    form([], "Sign out", onSignOut),
  ]);
  show().catch((error) => fill(list, el("li", { class: "error" }, error.message)));
}

/** @param {Me} me @returns {(Node | string)[]} */
function links(me) {
  /** @param {string} path @param {string} text */
  const link = (path, text) => el("a", { href: SERVER + path }, text);
  const status = me.admin ? [link("/status", "Status"), " · "] : [];
  return [...status, link("/docs", "REST API"), " · ", link("/protocol", "Protocol")];
}

/** @param {Me} me @param {(name: string) => void} onRenamed */
function nameForm(me, onRenamed) {
  const attributes = { name: "display_name", autocomplete: "name", maxlength: 64, required: true };
  const box = el("input", attributes);
  box.value = me.name;
  const saved = el("span", { role: "status", class: "hint" });
  const send = async () => {
    saved.textContent = "";
    const { name } = await api.rename(box.value.trim());
    onRenamed(name);
    saved.textContent = "Saved.";
  };
  return form([field("Display name", box), saved], "Change name", send, { class: "inline" });
}

/** @type {[Wish, string][]} */
const WISHES = [
  ["off", "Nothing"],
  ["mentions", "Messages that mention me"],
  ["all", "All messages"],
];

/** @param {Notifications} notifications */
function notificationForm(notifications) {
  if (!isPossible()) return null;
  const choice = select(WISHES, notifications.wish);
  const saved = el("span", { role: "status", class: "hint" });
  const send = async () => {
    saved.textContent = "";
    try {
      await notifications.choose(/** @type {Wish} */ (choice.value));
      saved.textContent = "Saved.";
    } finally {
      choice.value = notifications.wish;
    }
  };
  const hint = "In this browser, while you do not look at this page.";
  const content = [field("Notify me of", choice, hint), saved];
  return form(content, "Change notifications", send, { class: "inline" });
}

/** @param {Me} me @param {() => Promise<void>} onChanged */
function passwordForm(me, onChanged) {
  const secret = (/** @type {string} */ name, /** @type {string} */ autocomplete) =>
    el("input", { type: "password", name, autocomplete, required: true });
  const current = secret("current_password", "current-password");
  const wanted = secret("new_password", "new-password");
  const saved = el("p", { role: "status", class: "hint" });
  // What keeps passwords for people has to know whose this is.
  const whose = el("input", { autocomplete: "username", hidden: true, value: me.username });
  const send = async () => {
    saved.textContent = "";
    await api.changePassword(current.value, wanted.value);
    current.value = wanted.value = "";
    saved.textContent = "Changed. Your other sessions have ended.";
    await onChanged();
  };
  const content = [
    whose,
    field("Current password", current),
    field("New password", wanted, "8 characters or more."),
    saved,
  ];
  const look = { codes: { login_failed: "current_password" } };
  const change = form(content, "Change password", send, look);
  return el("details", {}, el("summary", {}, "Password"), change);
}

/** @param {HTMLElement} list @param {HTMLElement} others */
async function showSessions(list, others) {
  const { sessions } = await api.sessions();
  const again = () => showSessions(list, others);
  fill(list, sessions.map((session) => sessionRow(session, again)));
  const text = "All other browsers are signed out at once.";
  const end = async () => {
    await api.endOtherSessions();
    await again().catch(complain);
  };
  const ask = () => confirmDialog("End all other sessions?", text, "End all others", end);
  fill(others, sessions.length > 1 ? button("End all others…", ask) : null);
}

/** @param {Session} session @param {() => Promise<void>} again */
function sessionRow({ id, used_at: used, user_agent: agent, current }, again) {
  const name = device(agent);
  const end = async () => {
    await api.endSession(id);
    await again().catch(complain);
  };
  const ask = () => confirmDialog("End this session?", `${name} is signed out.`, "End", end);
  const last = el("span", { class: "hint", title: fullTime(used) }, ago(used));
  return el(
    "li",
    {},
    el("span", { class: "who", title: agent ?? "" }, name),
    current ? el("span", { class: "hint" }, "this browser") : last,
    current ? null : button(`End session of ${name}`, ask, { icon: "close", bare: true }),
  );
}
