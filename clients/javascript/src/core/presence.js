// Who is here.
/** @import { User } from "./entries.js" */

/** Above this many users the server lists nobody. */
const MAX_LISTED = 200;

/** The users in a room, kept current, as far as the server says. */
export class Presence {
  count = 0;
  /** @type {User[]} Empty while there are more than the server lists. */
  users = [];

  /**
   * Take what `welcome` or a `presence` frame says.
   *
   * @param {{count: number, users?: User[], join?: User[], leave?: User[]}} change
   */
  update({ count, users, join = [], leave = [] }) {
    const here = new Map((users ?? this.users).map((user) => [user.id, user]));
    for (const user of join) here.set(user.id, user);
    for (const user of leave) here.delete(user.id);
    this.count = count;
    this.users = count > MAX_LISTED ? [] : [...here.values()];
  }

  /** Whether users are missing: when a crowd has shrunk, the server tells only of changes. */
  get isPartial() {
    return this.count <= MAX_LISTED && this.users.length !== this.count;
  }
}
