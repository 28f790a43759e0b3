// How the element looks. What a page may change is a property `--itemroom-…`, or a part.

export const STYLE = `
:host {
  --back: var(--itemroom-background, light-dark(#fff, #1b1d20));
  --text: var(--itemroom-text, light-dark(#22252a, #e6e6e2));
  --faint: var(--itemroom-faint, light-dark(#63625a, #a2a49f));
  --line: var(--itemroom-line, light-dark(#e2dfd6, #3a3e45));
  --edge: var(--itemroom-edge, light-dark(#8b8879, #7d828b));
  --accent: var(--itemroom-accent, light-dark(#176b5f, #5cc3ae));
  --on-accent: var(--itemroom-on-accent, light-dark(#fff, #08231e));
  --danger: var(--itemroom-danger, light-dark(#ad2a21, #ff9d91));
  --radius: var(--itemroom-radius, 10px);
  display: block;
  height: 26rem;
  color: var(--text);
  font: var(--itemroom-font, 15px/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif);
}

:host([hidden]), [hidden] {
  display: none !important;
}

* {
  box-sizing: border-box;
}

section {
  display: flex;
  flex-direction: column;
  height: 100%;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--back);
}

p, ul {
  margin: 0;
  padding: 0;
}

header {
  display: flex;
  flex-wrap: wrap;
  align-items: baseline;
  gap: 0 0.75rem;
  padding: 0.6rem 0.9rem;
  border-bottom: 1px solid var(--line);
}

.title {
  flex: 1;
  font-weight: 600;
  overflow-wrap: anywhere;
}

.status, .people, time, .note {
  color: var(--faint);
  font-size: 0.87em;
}

.status::before {
  display: inline-block;
  width: 0.55em;
  height: 0.55em;
  margin-inline-end: 0.4em;
  border: 2px solid var(--edge);
  border-radius: 50%;
  content: "";
}

.status[data-status="live"]::before {
  border-color: var(--accent);
  background: var(--accent);
}

.status[data-status="refused"] {
  color: var(--danger);
}

.people {
  flex-basis: 100%;
  max-height: 2.9em;
  overflow: hidden;
  list-style: none;
}

.people::before {
  content: attr(aria-label) ": ";
}

.people li {
  display: inline;
}

.people li:not(:last-child)::after {
  content: ", ";
}

.messages {
  flex: 1;
  padding: 0.6rem 0.9rem;
  overflow-y: auto;
  overscroll-behavior: contain;
}

.message {
  padding: 0.25rem 0;
}

.author {
  margin-inline-end: 0.5em;
  font-weight: 600;
}

.text {
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}

.message[data-status="pending"] time::after {
  content: " …";
}

.message[data-status="pending"] .text, .gone {
  color: var(--faint);
}

.gone {
  font-style: italic;
}

.message[data-open] .text::after {
  display: inline-block;
  width: 0.5ch;
  height: 1em;
  margin-inline-start: 0.1em;
  background: var(--accent);
  vertical-align: -0.12em;
  content: "";
}

.end {
  color: var(--faint);
  font-size: 0.87em;
}

.failure {
  color: var(--danger);
  font-size: 0.87em;
}

form, .note {
  padding: 0.6rem 0.9rem;
  border-top: 1px solid var(--line);
}

form {
  display: flex;
  align-items: flex-end;
  gap: 0.5rem;
}

label {
  flex: 1;
  color: var(--faint);
  font-size: 0.87em;
}

textarea {
  display: block;
  width: 100%;
  min-height: 2.4em;
  max-height: 9em;
  padding: 0.4em 0.6em;
  border: 1px solid var(--edge);
  border-radius: calc(var(--radius) * 0.6);
  background: transparent;
  color: var(--text);
  font: inherit;
  font-size: 1rem;
  field-sizing: content;
  resize: none;
}

button {
  padding: 0.45em 0.9em;
  border: 1px solid transparent;
  border-radius: calc(var(--radius) * 0.6);
  background: var(--accent);
  color: var(--on-accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}

.failure button, .end button {
  margin-inline-start: 0.5em;
  padding: 0 0.4em;
  border-color: var(--edge);
  background: transparent;
  color: var(--text);
}

:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: -2px;
}

form :focus-visible, .failure :focus-visible, .end :focus-visible {
  outline-offset: 1px;
}
`;
