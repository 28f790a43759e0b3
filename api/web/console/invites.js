/** Links that let people into an item: made, copied, listed, revoked. */

import * as api from "./api.js";
import { copyButton } from "./copying.js";
import { confirmDialog } from "./dialog.js";
import { CODE_INPUT, button, el, field, fill, select } from "./dom.js";
import { form } from "./form.js";
import { counted, fullTime } from "./format.js";
import { complain } from "./notices.js";

/** @typedef {import("./api.js").Invite} Invite */
/** @typedef {import("./api.js").Role} Role */

const DAY = 86_400;
/** @type {[string, string][]} */
const LIFETIMES = [
  [String(DAY), "1 day"],
  [String(7 * DAY), "7 days"],
  [String(30 * DAY), "30 days"],
];
const ANYBODY = "any";
/** @type {[string, string][]} */
const USES = [
  ["1", "One person"],
  ["5", "5 people"],
  ["25", "25 people"],
  [ANYBODY, "Anybody who has it"],
];

/**
 * What an admin does with the links into an item.
 *
 * @param {string} item
 * @param {[string, string][]} roles
 */
export function inviteSection(item, roles) {
  const result = el("div", { class: "result" });
  const list = el("ul", { class: "tokens", role: "list", "aria-label": "Invite links" });
  const show = () => showInvites(item, list);
  show().catch((error) => fill(list, el("li", { class: "error" }, error.message)));
  return el(
    "section",
    { class: "invites", "aria-label": "Invite by link" },
    el("h3", {}, "Invite by link"),
    inviteForm(item, roles, result, show),
    result,
    list,
  );
}

/**
 * @param {string} item
 * @param {[string, string][]} roles
 * @param {HTMLElement} result
 * @param {() => Promise<void>} show
 */
function inviteForm(item, roles, result, show) {
  const role = select(roles, "writer", { name: "role" });
  const uses = select(USES, "1", { name: "uses" });
  const lifetime = select(LIFETIMES, String(7 * DAY), { name: "expires_in" });
  const send = async () => {
    const { url } = await api.createInvite(item, {
      role: /** @type {Role} */ (role.value),
      uses: uses.value === ANYBODY ? null : Number(uses.value),
      expires_in: Number(lifetime.value),
    });
    showLink(result, url);
    await show();
  };
  const content = [field("They become", role), field("For", uses), field("Ends after", lifetime)];
  return form(content, "Make link", send, { class: "inline" });
}

/** @param {HTMLElement} place @param {string} url */
function showLink(place, url) {
  const box = el("input", { ...CODE_INPUT, readonly: true, class: "secret" });
  box.value = url;
  box.addEventListener("focus", () => box.select());
  const hint = "Copy it now: it is not shown again. Whoever opens it can join.";
  const copy = copyButton("Copy link", () => url);
  fill(place, el("div", { class: "secret-row" }, field("Link", box, hint), copy));
  box.focus();
  place.scrollIntoView({ block: "nearest" });
}

/** @param {string} item @param {HTMLElement} list */
async function showInvites(item, list) {
  const { invites } = await api.invites(item);
  const again = () => showInvites(item, list);
  const rows = invites.map((invite) => inviteRow(item, invite, again));
  fill(list, rows.length > 0 ? rows : el("li", { class: "hint" }, "No links yet."));
}

/**
 * @param {string} item
 * @param {Invite} invite
 * @param {() => Promise<void>} again
 */
function inviteRow(item, invite, again) {
  const { id, by, expires_at: end } = invite;
  const name = nameOf(invite);
  const revoke = async () => {
    await api.revokeInvite(item, id);
    await again().catch(complain);
  };
  const text = "Nobody can join by it any more. Whoever has come in by it stays.";
  const ask = () => confirmDialog("Revoke this link?", text, "Revoke", revoke);
  const who = el("span", {}, "by ", el("bdi", {}, by.name));
  const state = invite.valid ? `ends ${end.slice(0, 10)}` : "lets nobody in: they are no admin now";
  return el(
    "li",
    {},
    el("span", { class: "who" }, name, " ", el("span", { class: "hint" }, who)),
    el("span", { class: "hint", title: fullTime(end) }, state),
    button(`Revoke link: ${name}`, ask, { icon: "trash", bare: true }),
  );
}

/** @param {Invite} invite */
function nameOf({ role, left, uses }) {
  if (left === null) return `${role}, for anybody`;
  const people = counted(left, "person", "people");
  return left === uses ? `${role}, for ${people}` : `${role}, for ${people} more`;
}
