/** The way in: signing in, or making an account. */

import * as api from "./api.js";
import { button, el, field, fill } from "./dom.js";
import { form } from "./form.js";
import { SERVER } from "./paths.js";

/**
 * @typedef {{notice: string, registration: "open" | "closed", first: boolean, invited: Node | null}}
 *   Door `notice`: why the reader has to sign in again; empty: they just came. `first`: nobody is a
 *   user yet. `invited`: who wants them in, if somebody does.
 */
/** @typedef {(username: string, password: string) => Promise<void>} Enter */

/**
 * @param {(me: import("./api.js").Me) => void} onIn
 * @param {Door} door
 */
export function signInScreen(onIn, { notice, registration, first, invited }) {
  const place = el("div", { class: "card" });
  const enter = async (/** @type {string} */ username, /** @type {string} */ password) => {
    await api.login(username, password);
    onIn(await api.me());
  };
  const typed = boxes();
  const show = (/** @type {(Node | null)[]} */ ...content) => {
    fill(place, content);
    [...place.querySelectorAll("input")].find((box) => !box.value)?.focus();
  };
  const toSignUp = button("Create an account instead", () => signUp(), { class: "link" });
  const toSignIn = button("Sign in instead", () => signIn(), { class: "link" });
  const signIn = () =>
    show(...signInForm(enter, typed), registration === "open" ? toSignUp : null);
  const signUp = () => show(...signUpForm(enter, typed, first), toSignIn);
  if (first && registration === "open") signUp();
  else signIn();
  const told = notice ? el("p", { class: "notice", role: "status" }, notice) : null;
  const mark = el("img", { src: `${SERVER}/console/icon.svg`, alt: "", width: 56, height: 56 });
  return el(
    "div",
    { class: "sign-in" },
    el("header", {}, mark, el("h1", {}, "Itemroom"), el("p", {}, "A live room for every item.")),
    told,
    invited,
    place,
  );
}

/** The same boxes in both forms: what was typed in one stands in the other. */
function boxes() {
  const username = el("input", {
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    required: true,
    maxlength: 64,
  });
  const password = el("input", { name: "password", type: "password", required: true });
  const name = el("input", { name: "display_name", autocomplete: "name", maxlength: 64 });
  return { username, password, name };
}

/** @param {HTMLInputElement} box */
const usernameIn = (box) => box.value.trim().toLowerCase();

/** @param {Enter} enter @param {ReturnType<typeof boxes>} typed */
function signInForm(enter, { username, password }) {
  password.autocomplete = "current-password";
  const content = [field("Username", username), field("Password", password)];
  const send = () => enter(usernameIn(username), password.value);
  const look = { codes: { login_failed: "password" } };
  return [el("h2", {}, "Sign in"), form(content, "Sign in", send, look)];
}

/** @param {Enter} enter @param {ReturnType<typeof boxes>} typed @param {boolean} isFirst */
function signUpForm(enter, { username, password, name }, isFirst) {
  password.autocomplete = "new-password";
  const content = [
    field("Username", username, "Lower-case letters, digits and . _ -"),
    field("Display name (optional)", name),
    field("Password", password, "8 characters or more."),
  ];
  const send = async () => {
    const wish = { username: usernameIn(username), password: password.value };
    const shown = name.value.trim();
    await api.register(shown ? { ...wish, display_name: shown } : wish);
    await enter(wish.username, wish.password);
  };
  const invitation = isFirst && "Nobody has an account here yet: make the first one.";
  const welcome = invitation ? el("p", {}, invitation) : null;
  return [el("h2", {}, "Create an account"), welcome, form(content, "Create account", send)];
}
