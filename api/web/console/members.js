/** Who may do what in an item, and the item itself: title, openness, end. */

import * as api from "./api.js";
import { confirmDialog, openDialog } from "./dialog.js";
import { CODE_INPUT, button, el, field, fill, select } from "./dom.js";
import { form } from "./form.js";
import { inviteSection } from "./invites.js";
import { OPENNESS } from "./items.js";
import { complain } from "./notices.js";
import { avatar } from "./people.js";

/** @typedef {import("./api.js").Member} Member */
/** @typedef {import("./api.js").Role} Role */

/** @type {[string, string][]} */
export const ROLES = [
  ["reader", "Reader"],
  ["writer", "Writer"],
  ["admin", "Admin"],
];

/**
 * @param {string} id
 * @param {string} role The reader's own.
 * @param {{id: string, name: string}} me
 * @param {() => void} onGone The item is no longer the reader's.
 */
export function openMembers(id, role, me, onGone) {
  const isAdmin = role === "admin";
  const list = el("ul", { class: "people", role: "list", "aria-label": "Members" });
  const show = async () => {
    const { members, next } = await api.members(id);
    const more = next === null ? null : el("li", { class: "hint" }, "More members are not shown.");
    fill(list, members.map((member) => memberRow(id, member, isAdmin, me, show)), more);
    // Who is here because the item is open to everyone has nothing to leave.
    exit.hidden = next === null && !members.some(({ user }) => user.id === me.id);
  };
  const settings = el("div", {});
  const gone = () => {
    dialog.close();
    location.hash = "#/";
    onGone();
  };
  const exit = leaving(id, isAdmin, gone);
  const content = [
    el("section", { "aria-label": "Members of this item" }, el("h3", {}, "Members"), list),
    isAdmin ? addForm(id, show) : null,
    isAdmin ? inviteSection(id, ROLES) : null,
    settings,
    exit,
    isAdmin ? deletion(id, gone) : null,
  ];
  const dialog = openDialog("Members and settings", content, { isWide: true });
  show().catch((error) => fill(list, el("li", { class: "error" }, error.message)));
  if (isAdmin) showSettings(id, settings).catch(complain);
}

/**
 * @param {string} id
 * @param {Member} member
 * @param {boolean} isAdmin
 * @param {{id: string}} me
 * @param {() => Promise<void>} show
 */
function memberRow(id, member, isAdmin, me, show) {
  const { user, username, role } = member;
  const names = [el("bdi", {}, user.name), " ", el("code", {}, username)];
  const name = el("span", { class: "who" }, names);
  const you = user.id === me.id ? el("span", { class: "hint" }, "you") : null;
  const power = el("span", { class: "role" }, role);
  if (!isAdmin) return el("li", {}, avatar(user), name, you, power);
  const choice = select(ROLES, role, { "aria-label": `Role of ${username}` });
  const again = (/** @type {Promise<unknown>} */ done) => done.catch(complain).then(show, complain);
  choice.addEventListener("change", () => {
    const wanted = /** @type {Role} */ (choice.value);
    if (user.id === me.id && role === "admin") askToStepDown(id, member, choice, show);
    else again(api.setMember(id, username, wanted));
  });
  const look = { icon: "close", bare: true };
  const remove = button(`Remove ${username}`, () => askToRemove(id, member, show), look);
  return el("li", {}, avatar(user), name, you, choice, you ? null : remove);
}

/**
 * @param {string} id
 * @param {Member} member
 * @param {HTMLSelectElement} choice
 * @param {() => Promise<void>} show
 */
function askToStepDown(id, member, choice, show) {
  const wanted = /** @type {Role} */ (choice.value);
  const text = "Only another admin can make you one again.";
  const dialog = confirmDialog("Stop being an admin?", text, "Stop being an admin", async () => {
    await api.setMember(id, member.username, wanted);
    await show().catch(complain);
  });
  dialog.addEventListener("close", () => (choice.value = member.role));
}

/** @param {string} id @param {Member} member @param {() => Promise<void>} show */
function askToRemove(id, { user, username }, show) {
  const text = `${user.name} can no longer read or write here, from this moment on.`;
  confirmDialog(`Remove ${username}?`, text, "Remove", async () => {
    await api.removeMember(id, username);
    await show().catch(complain);
  });
}

/** @param {string} id @param {() => Promise<void>} show */
function addForm(id, show) {
  const username = el("input", { ...CODE_INPUT, name: "username", required: true });
  const role = select(ROLES, "writer");
  const send = async () => {
    await api.setMember(id, username.value.trim(), /** @type {Role} */ (role.value));
    username.value = "";
    username.focus();
    await show();
  };
  const content = [field("Username", username), field("Role", role)];
  const codes = { not_found: "username", bad_request: "username" };
  return form(content, "Add member", send, { class: "inline", codes });
}

/** @param {string} id @param {HTMLElement} place */
async function showSettings(id, place) {
  const item = await api.item(id);
  const title = el("input", { name: "title", maxlength: 200, autocomplete: "off" });
  title.value = item.title;
  const openness = select(OPENNESS, item.default_role ?? "");
  const saved = el("span", { role: "status", class: "hint" });
  const send = async () => {
    saved.textContent = "";
    const role = /** @type {Role | null} */ (openness.value || null);
    await api.changeItem(id, { title: title.value.trim(), default_role: role });
    saved.textContent = "Saved.";
  };
  const content = [field("Title", title), field("Who can join", openness), saved];
  fill(place, el("h3", {}, "Item"), form(content, "Save settings", send));
}

/** @param {string} id @param {() => void} gone */
function deletion(id, gone) {
  const place = el("div", { class: "danger-zone" });
  const ask = () => {
    const typed = el("input", CODE_INPUT);
    const send = async () => {
      if (typed.value.trim() !== id) throw new Error("This is not the item's id.");
      await api.deleteItem(id);
      gone();
    };
    const hint = `All of its messages go with it, and ${id} can never be used again.`;
    const content = [field("Type the item's id to delete it", typed, hint)];
    fill(place, form(content, "Delete for good", send, { isDangerous: true, onCancel: offer }));
    typed.focus();
  };
  const begin = button("Delete item…", ask, { class: "button danger-quiet" });
  const offer = () => {
    fill(place, begin);
    begin.focus();
  };
  fill(place, begin);
  return place;
}

/** @param {string} id @param {boolean} isAdmin @param {() => void} gone */
function leaving(id, isAdmin, gone) {
  const leave = async () => {
    const { username } = await api.me();
    await api.removeMember(id, username);
    gone();
  };
  const condition = isAdmin ? " The last admin cannot leave: make somebody else one before." : "";
  const text = `To come back you need somebody who lets you in.${condition}`;
  const ask = () => confirmDialog("Leave this item?", text, "Leave", leave);
  const begin = button("Leave item…", ask, { class: "button danger-quiet" });
  return el("div", { class: "danger-zone", hidden: true }, begin);
}
