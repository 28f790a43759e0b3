// Entries and other things that a room tells of.

/**
 * @typedef {{id: string, name: string}} User
 * @typedef {"reader" | "writer" | "admin"} Role
 * @typedef {"done" | "failed" | "stopped" | "interrupted"} FinishState
 */

/**
 * The entries of the log. `type` tells them apart, and which fields they have.
 *
 * @typedef {{seq: number, at: string, by: User, ref?: string, via?: string}} Common
 * @typedef {Common & {type: "message", body?: any, edited_seq?: number, deleted_seq?: number,
 *   open?: true, length?: number}} Message While it is `open`, its text grows.
 * @typedef {Common & {type: "edit", target: number, body?: any, deleted_seq?: number}} Edit
 * @typedef {Common & {type: "delete", target: number}} Deletion
 * @typedef {Common & {type: "reaction", target: number, value: string, on: boolean}} Reaction
 * @typedef {Common & {type: "member", user: User, role: Role | null}} MemberChange
 * @typedef {Common & {type: "item", title?: string, default_role?: Role | null}} ItemChange
 * @typedef {Common & {type: "stop", target: number}} Stop
 * @typedef {Common & {type: "finish", target: number, state: FinishState, error?: any, body?: any}} Finish
 * @typedef {Message | Edit | Deletion | Reaction | MemberChange | ItemChange | Stop | Finish} Entry
 */

/**
 * The log does not go on where it was left: what was built from earlier entries is to be built
 * anew from those after `after`.
 *
 * @typedef {{after: number, oldest: number, epoch: string}} Gap
 */

/** Something to tell the application of. */
export class Happening {
  /**
   * @param {string} type
   * @param {any} detail
   */
  constructor(type, detail) {
    this.type = type;
    this.detail = detail;
  }
}
