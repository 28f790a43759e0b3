/** What a link into an item shows to whoever opens it: who invites them where, and the way in. */

import * as api from "./api.js";
import { button, el, fill } from "./dom.js";
import { form } from "./form.js";
import { hashOf } from "./links.js";
import { avatar } from "./people.js";

/** @typedef {import("./api.js").Look} Look */
/** @typedef {import("./api.js").Role} Role */

/** @type {Role[]} Each may do what the ones before it may. */
const RANKS = ["reader", "writer", "admin"];
/** @type {Record<Role, string>} */
const POWERS = {
  reader: "As reader you can see what is said there.",
  writer: "As writer you can read and write there.",
  admin: "As admin you can read and write there, and say who else may.",
};
const OVER = ["invite_ended", "not_found"];

/** The invite that an address shows; null: none. @param {string} hash */
export const inviteIn = (hash) => /^#\/invite\/([\w-]{1,256})$/u.exec(hash)?.[1] ?? null;

/** For somebody who is signed in. @param {string} token */
export function invitedScreen(token) {
  const place = el("div", { class: "card" });
  const show = async () => {
    fill(place, el("p", { class: "hint", role: "status" }, "Looking at the invite…"));
    try {
      const look = await api.lookAtInvite(token);
      if (inviteIn(location.hash) !== token) return;
      if (leadsFurther(look)) offer(place, token, look);
      else enterRoom(look.item.id);
    } catch (error) {
      refuse(place, /** @type {Error} */ (error), show);
    }
  };
  show();
  return el("section", { class: "invited", "aria-label": "Invite" }, place);
}

/** Above the way to sign in, for somebody who is not. @param {string} token */
export function invitation(token) {
  const note = el("p", { class: "notice", role: "status" });
  api.lookAtInvite(token).then(
    (look) => fill(note, ...whoInvites(look), " Sign in to join."),
    (/** @type {Error} */ error) => fill(note, error.message),
  );
  return note;
}

/** Whether they become something that they are not. @param {Look} look */
const leadsFurther = ({ role, member_role: now }) =>
  now === null || RANKS.indexOf(role) > RANKS.indexOf(now);

/** @param {HTMLElement} place @param {string} token @param {Look} look */
function offer(place, token, look) {
  const { item, role, by, member_role: now } = look;
  const heading = el("h1", { tabindex: -1 }, el("bdi", {}, item.title || item.id));
  const join = async () => {
    await api.acceptInvite(token);
    enterRoom(item.id);
  };
  const before = now === null ? "" : ` Now you are a ${now}.`;
  fill(
    place,
    avatar(by),
    el("p", {}, el("bdi", {}, by.name), " invites you to"),
    heading,
    el("p", { class: "hint" }, POWERS[role] + before),
    form([], `Join as ${role}`, join, { onCancel: leave }),
  );
  heading.focus();
}

/** @param {HTMLElement} place @param {Error} error @param {() => void} again */
function refuse(place, error, again) {
  const isOver = error instanceof api.Problem && OVER.includes(error.code);
  const ask = "Ask whoever sent it for another link.";
  fill(
    place,
    el("h1", {}, isOver ? "This link leads nowhere" : "That did not work"),
    el("p", { class: "error", role: "alert" }, error.message),
    isOver ? el("p", { class: "hint" }, ask) : button("Try again", again),
    button("To my items", leave),
  );
}

/** @param {Look} look @returns {(Node | string)[]} */
function whoInvites({ item, role, by }) {
  const where = el("bdi", {}, item.title || item.id);
  return [el("bdi", {}, by.name), " invites you to ", where, ` as ${role}.`];
}

/**
 * The room's address takes the place of the link's: nobody finds that in the history.
 *
 * @param {string} item
 */
const enterRoom = (item) => location.replace(hashOf(item));

const leave = () => location.replace("#/");
