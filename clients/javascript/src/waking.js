// When a page wakes, and when its network goes.

/** Milliseconds for a sign of life after a tab woke or the network came back: somebody is looking. */
export const WAKE_TIMEOUT = 5_000;

/**
 * @param {() => void} wake
 * @param {() => void} lose The browser says that there is no network.
 * @returns {() => void} Stops it.
 */
export function onWaking(wake, lose) {
  const { document } = globalThis;
  const whenVisible = () => {
    if (document.visibilityState === "visible") wake();
  };
  // Node has none of these.
  globalThis.addEventListener?.("offline", lose);
  globalThis.addEventListener?.("online", wake);
  globalThis.addEventListener?.("pageshow", wake);
  document?.addEventListener("visibilitychange", whenVisible);
  return () => {
    globalThis.removeEventListener?.("offline", lose);
    globalThis.removeEventListener?.("online", wake);
    globalThis.removeEventListener?.("pageshow", wake);
    document?.removeEventListener("visibilitychange", whenVisible);
  };
}
