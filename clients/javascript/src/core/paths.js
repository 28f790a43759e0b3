// Where a room is.

const ITEM_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * @param {string} base
 * @param {string} item
 */
export function roomUrl(base, item) {
  if (typeof item !== "string" || !ITEM_ID.test(item)) {
    throw new TypeError(`not the id of an item: ${item}`);
  }
  const url = new URL(base, globalThis.location?.href);
  if (!/^(?:http|ws)s?:$/.test(url.protocol)) throw new TypeError(`not a server: ${base}`);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/items/${item}/ws`;
  url.search = url.hash = "";
  return url;
}
