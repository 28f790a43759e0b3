/** The way in: signing in, or making an account. */

import * as api from "./api.js";
import { form } from "./dialog.js";
import { button, el, field, fill } from "./dom.js";

/**
 * @param {(me: import("./api.js").Me) => void} onIn
 * @param {string} notice Why the reader has to sign in again; empty: they just came.
 */
export function signInScreen(onIn, notice) {
  const place = el("div", { class: "card" });
  const enter = async (/** @type {string} */ username, /** @type {string} */ password) => {
    await api.login(username, password);
    onIn(await api.me());
  };
  const showSignIn = () => {
    const other = button("Create an account instead", showSignUp, { class: "link" });
    fill(place, signInForm(enter), other);
    place.querySelector("input")?.focus();
  };
  const showSignUp = () => {
    const other = button("Sign in instead", showSignIn, { class: "link" });
    fill(place, signUpForm(enter), other);
    place.querySelector("input")?.focus();
  };
  showSignIn();
  const told = notice ? el("p", { class: "notice", role: "status" }, notice) : null;
  const mark = el("img", { src: "/console/icon.svg", alt: "", width: 56, height: 56 });
  return el(
    "div",
    { class: "sign-in" },
    el("header", {}, mark, el("h1", {}, "Itemroom"), el("p", {}, "A live room for every item.")),
    told,
    place,
  );
}

/** @typedef {(username: string, password: string) => Promise<void>} Enter */

const usernameBox = () =>
  el("input", {
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    required: true,
    maxlength: 64,
  });
/** @param {string} autocomplete */
const passwordBox = (autocomplete) =>
  el("input", { type: "password", autocomplete, required: true });

/** @param {Enter} enter */
function signInForm(enter) {
  const [username, password] = [usernameBox(), passwordBox("current-password")];
  const content = [field("Username", username), field("Password", password)];
  const send = () => enter(username.value.trim().toLowerCase(), password.value);
  return [el("h2", {}, "Sign in"), form(content, "Sign in", send)];
}

/** @param {Enter} enter */
function signUpForm(enter) {
  const [username, password] = [usernameBox(), passwordBox("new-password")];
  const name = el("input", { autocomplete: "name", maxlength: 64 });
  const content = [
    field("Username", username, "Lower-case letters, digits and . _ -"),
    field("Display name (optional)", name),
    field("Password", password, "8 characters or more."),
  ];
  const send = async () => {
    const wish = { username: username.value.trim().toLowerCase(), password: password.value };
    const shown = name.value.trim();
    await api.register(shown ? { ...wish, display_name: shown } : wish);
    await enter(wish.username, wish.password);
  };
  return [el("h2", {}, "Create an account"), form(content, "Create account", send)];
}
