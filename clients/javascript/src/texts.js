// The text of one message in the making, for whoever reads it as it comes.
import { growingText } from "./core/drafts.js";
import { Refused } from "./core/errors.js";
/** @import { Drafts } from "./core/drafts.js" */

/**
 * The text so far, and each addition.
 *
 * @param {Drafts} drafts
 * @param {number} seq
 * @param {number | null} part
 * @returns {AsyncGenerator<string, void>}
 */
export async function* additions(drafts, seq, part) {
  const draft = await drafts.find(seq);
  if (!draft) throw new Refused("not_found", "There is no such message in the making.");
  // Its text is kept, and not what comes: whoever reads slowly gets more at once.
  let given = 0;
  while (true) {
    const text = growingText(draft.body, part);
    if (text === undefined && !draft.end) throw new Refused("bad_message", "It has no such text.");
    const more = draft.isRewritten ? "" : (text ?? "").slice(given);
    given += more.length;
    if (more) yield more;
    else if (draft.end?.reason) throw draft.end.reason;
    else if (draft.end) return;
    else await draft.change;
  }
}
