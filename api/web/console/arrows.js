/** The keyboard in a conversation: arrows go from message to message, Escape goes back to write. */

/** @typedef {import("./rows.js").Row} Row */

const STEPS = new Map([
  ["ArrowUp", /** @type {const} */ (-1)],
  ["ArrowDown", /** @type {const} */ (1)],
]);

/**
 * @param {HTMLElement} scroller
 * @param {import("./list.js").VirtualList<Row>} list
 * @param {{onLeave: () => void, onEnd: () => void}} acts
 */
export function listenToArrows(scroller, list, { onLeave, onEnd }) {
  scroller.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key === "Escape") return onLeave();
    // In a field or on a button the keys mean something else.
    if (target !== scroller && !target.matches(".row")) return;
    if (event.key === "End") return onEnd();
    const step = STEPS.get(event.key);
    if (!step) return;
    event.preventDefault();
    const from = target === scroller ? null : (target.dataset.key ?? null);
    const row = list.next(from, step, ({ kind }) => kind === "message" || kind === "pending");
    if (row) list.element(row.key)?.focus({ preventScroll: true });
  });
}
