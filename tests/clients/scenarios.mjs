// Plays the scenarios with the core in JavaScript: what came of each step, as JSON.
import { readFileSync } from "node:fs";
import { Cursor } from "../../clients/javascript/src/core/cursor.js";
import { Refused } from "../../clients/javascript/src/core/errors.js";
import { Outbox } from "../../clients/javascript/src/core/outbox.js";
import { Talk } from "../../clients/javascript/src/core/talk.js";
import { closed, denied } from "../../clients/javascript/src/core/verdicts.js";

Math.random = () => 1;
const given = JSON.parse(readFileSync(new URL("scenarios.json", import.meta.url), "utf8"));

const told = {
  entry: ({ seq }) => [seq],
  gap: (gap) => [gap],
  settled: ([ref, result]) => [ref, result.code ?? result],
  error: ({ code }) => [code],
};

class Play {
  isConnected = false;
  ending = null;

  constructor({ after, epoch, can_renew: canRenew = false, outbox = 1000 } = {}) {
    this.cursor = new Cursor(after, epoch);
    this.session = new Talk(this.cursor, new Outbox(outbox), { canRenew });
  }

  /** What comes of one step. */
  step({ at, then, ...act }) {
    const [[name, argument]] = Object.entries(act);
    const found = { events: [], sent: [], refused: null };
    this.try(found, () => this[name](argument, at * 1000, found));
    if (this.isConnected) {
      this.try(found, () => {
        const { texts, wait } = this.session.outgoing(at * 1000);
        found.sent = texts.map((text) => JSON.parse(text));
        found.wait = wait / 1000;
      });
    }
    const { picture, isLive } = this.session;
    const { presence, you, item, head } = picture;
    return {
      ...found,
      ...{ seq: this.cursor.after, head, is_live: isLive },
      ...{ role: you?.role, title: item?.title },
      present: [presence.count, ...presence.users.map(({ id }) => id)],
    };
  }

  try(found, act) {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { code, retry, retryAfter: retry_after, closeCode: close_code } = error;
      found.refused = { code, retry, retry_after, close_code };
      this.ending = error;
    }
  }

  connect(_, now, found) {
    found.query = this.cursor.query();
    this.session.connected(now);
    this.isConnected = true;
  }

  hear(frame, now, found) {
    try {
      for (const { type, detail } of this.session.received(frame, now)) {
        // The shell's own: where the application is, without a gap.
        if (type !== "begin") found.events.push([type, ...(told[type]?.(detail) ?? [])]);
      }
    } catch (error) {
      this.isConnected = false;
      throw error;
    }
  }

  welcome({ limits, ...fields }, now, found) {
    const all = { ...given.welcome.limits, ...limits };
    this.hear({ ...given.welcome, ...fields, limits: all }, now, found);
  }

  entry({ by, ...fields }, now, found) {
    const who = by === "me" ? given.me : given.other;
    this.hear({ type: "message", at: "", by: who, ...fields }, now, found);
  }

  command({ type, ref, ...fields }) {
    this.session.command(type, fields, ref);
  }

  signal({ name, body }, now) {
    this.session.signal(name, body, now);
  }

  read(seq) {
    this.session.read(seq);
  }

  renew(token) {
    this.session.renew(token);
  }

  deaf(isDeaf) {
    this.cursor.isDeaf = isDeaf;
  }

  pass() {}

  end(how, _, found) {
    if (how !== "so") {
      const { code, retry, retry_after: retryAfter = null } = how;
      this.ending = new Refused(code, "", { retry, retryAfter });
    }
    this.isConnected = false;
    found.retry_in = this.session.ended(this.ending) / 1000;
  }

  close(code, now, found) {
    this.ending = closed(code, "");
    this.end("so", now, found);
  }

  deny({ status, text, retry_after: header }, now, found) {
    this.ending = denied(status, text, header);
    this.end("so", now, found);
  }
}

const played = Object.entries(given.scenarios).map(([name, steps]) => {
  const [{ client }] = steps;
  const play = new Play(client);
  return [name, steps.filter((step) => !step.client).map((step) => play.step(step))];
});
console.log(JSON.stringify(Object.fromEntries(played)));
