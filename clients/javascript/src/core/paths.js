// Where a room is.

const ITEM_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/**
 * The address of an item's room.
 *
 * @param {string} base The server's.
 * @param {string} item
 * @param {string} [page] What a relative address is relative to.
 */
export function roomUrl(base, item, page) {
  if (typeof item !== "string" || !ITEM_ID.test(item)) {
    throw new TypeError(`not the id of an item: ${item}`);
  }
  const url = new URL(base, page);
  if (!/^(?:http|ws)s?:$/.test(url.protocol)) throw new TypeError(`not a server: ${base}`);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/items/${item}/ws`;
  url.search = url.hash = "";
  return url;
}

/** Frames as JSON. */
export const SUBPROTOCOL = "itemroom.v1.json";
