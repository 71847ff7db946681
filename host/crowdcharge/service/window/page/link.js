// SPDX-License-Identifier: MIT
// The way to the service: events by a stream that fetch reads, so that the key goes in a header.

import { Refusal, ask, keepKey, keptKey, post } from "./ask.js";

const SILENT_s = 5; // ticks come each second
const REFRESH_ms = 1000;
const RETRY_ms = [300, 1000, 2000, 4000];
const HISTORY = 200; // events that a page which has just come asks for

export class Link {
  #on;
  #seq = null;
  #heard_ms = 0;
  #asked_ms = -Infinity;
  #timer = 0;
  #abort = null;
  #kind = "connecting";

  /** `on`: snapshot(picture), record(record), change({kind, age_s, asOf_s}). */
  constructor(on) {
    this.#on = on;
    this.asOf_s = null;
    this.mayAct = false;
    setInterval(() => this.#judge(), 500);
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#abort?.abort() : this.#run()));
  }

  get key() { return keptKey(); }

  set key(value) {
    keepKey(value);
    this.start();
  }

  /** Keep a key without a word; the next request shows what it allows. */
  keep(value) { keepKey(value); }

  /** "act", "watch" or "no": what a key allows here. */
  async tryKey(value) {
    const answer = await ask("access", {}, value).catch(() => null);
    if (!answer) return "no";
    const { act, watch } = await answer.json();
    if (act || watch) this.key = value;
    return act ? "act" : watch ? "watch" : "no";
  }

  start() {
    this.#abort?.abort();
    if (!document.hidden) this.#run();
  }

  async #run() {
    const mine = (this.#abort = new AbortController());
    for (let attempt = 0; !mine.signal.aborted; attempt++) {
      try {
        await this.#whole();
        await this.#listen(mine.signal, () => (attempt = 0));
      } catch (error) {
        if (mine.signal.aborted) return;
        if (error instanceof Refusal && error.status === 401) return this.#change("locked");
      }
      this.#judge();
      const most_ms = RETRY_ms[Math.min(attempt, RETRY_ms.length - 1)];
      await new Promise((go) => setTimeout(go, most_ms * (0.5 + Math.random() / 2)));
    }
  }

  /** Everything, curves included: at the start, and after each gap. */
  async #whole() {
    const [access, picture] = await Promise.all([this.get("access"), this.get("snapshot")]);
    this.mayAct = access.act;
    this.#take(picture);
  }

  async #listen(signal, alive) {
    const from = this.#after == null ? `last=${HISTORY}` : `after=${this.#after}`;
    const answer = await ask(`events?${from}`, { signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      alive();
      this.#hear();
      for (const block of blocks) this.#obey(block);
    }
  }

  #after = null; // the last event that this page has

  #obey(block) {
    const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
    if (!fields.data) return;
    const data = JSON.parse(fields.data);
    if (fields.event === "snapshot") {
      this.#after = data.seq;
      this.#take(data);
    } else if (fields.event === "event") {
      this.#after = data.seq;
      this.#on.record(data);
      if (data.seq > this.#seq) this.#refresh();
    } else if (fields.event === "tick" && data.seq !== this.#seq) this.#refresh();
  }

  /** Ask for the picture anew, at once and then at most once a second. */
  #refresh() {
    if (this.#timer) return;
    const wait_ms = Math.max(0, this.#asked_ms + REFRESH_ms - performance.now());
    this.#timer = setTimeout(async () => {
      this.#asked_ms = performance.now();
      try {
        this.#take(await this.get("snapshot?curves=0"));
      } catch { /* the stream tells whether the service is there */ }
      this.#timer = 0;
    }, wait_ms);
  }

  #take(picture) {
    this.#seq = picture.seq;
    this.asOf_s = Date.now() / 1000;
    this.#hear();
    this.#on.snapshot(picture);
  }

  #hear() {
    this.#heard_ms = performance.now();
    this.asOf_s = Date.now() / 1000;
    this.#change("live");
  }

  #judge() {
    const age_s = (performance.now() - this.#heard_ms) / 1000;
    if (this.#kind === "live" && age_s <= SILENT_s) return;
    if (this.#kind !== "locked") this.#change(age_s > SILENT_s ? "lost" : this.#kind, age_s);
  }

  #change(kind, age_s = 0) {
    this.#kind = kind;
    this.#on.change({ kind, age_s, asOf_s: this.#heard_ms ? this.asOf_s : null });
  }

  async get(path) { return (await ask(path)).json(); }

  /** Ask the service to do something; a Refusal says in plain words why it does not. */
  async act(path, body = {}) {
    const answer = await post(path, body);
    this.#refresh();
    return answer.status === 204 ? null : answer.json();
  }
}
