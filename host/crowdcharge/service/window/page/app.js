// SPDX-License-Identifier: MIT
// The page: takes pictures and events from the link, and hands them to those who draw.

import { Refusal, patiently } from "./ask.js";
import { Curves } from "./curves.js";
import * as dialogs from "./dialogs.js";
import { byId, dress, say, set } from "./dom.js";
import { quantum_mJ } from "./flow.js";
import { Link } from "./link.js";
import * as lists from "./lists.js";
import { Ring } from "./ring.js";
import { COMPACT_ABOVE, curves, spoken, view } from "./state.js";
import { drawTiles } from "./tiles.js";
import { clock, empty, joules, lead, linkWords, percent, runs, some, span, told } from "./words.js";

const FRAME_ms = 100; // drawn at most so often; with many boards less
const FRAME_MANY_ms = 250;
const STORY_KEPT = 400;
const PATIENCE_ms = 60_000; // with a board that is at work
const NEW_s = 5;

let picture = null;
let columns = null;
let story = [];
let causes = new Map();
let drawn_ms = -Infinity;
let waiting = 0;
let kind = "connecting";

const link = new Link({ snapshot: takeSnapshot, record: takeRecord, change: takeLink });
const ring = new Ring(openBoard);
const plots = new Curves();

function takeSnapshot(snapshot) {
  const before = picture;
  columns = curves(columns, snapshot);
  picture = view(snapshot);
  for (const board of snapshot.boards) for (const fault of board.faults) causes.set(fault.name, fault.text);
  for (const transfer of snapshot.transfers) if (transfer.text) causes.set(`transfer ${transfer.transfer_id}`, transfer.text);
  const words = spoken(before, picture);
  if (words) say(byId("spoken"), words);
  soon();
  if (!before) openLinked();
}

function takeRecord(record) {
  if (record.event === "Jumped") { // another moment of a replay, or a new engine
    [story, columns] = [[], null];
    return link.start();
  }
  if (story.some((known) => known.seq === record.seq)) return;
  story = [...story, record].slice(-STORY_KEPT);
  if (record.event === "Note" && picture.time_s - record.time_s < NEW_s) toast(record.text); // not again of the past
  soon();
}

function takeLink(state) {
  kind = state.kind;
  set(document.body, "data-link", kind);
  say(byId("link-words"), linkWords(state));
  ring.flow.still = still() || kind !== "live";
  if (kind === "locked" && !byId("dialog").open)
    dialogs.askKey({ link, why: "From here this page needs its key: the one to steer, or the one to watch." });
}

/** Draw in the next frame, but not more often than eyes and a phone's battery want. */
function soon() {
  if (waiting) return;
  const least_ms = (picture?.boards.length ?? 0) > COMPACT_ABOVE ? FRAME_MANY_ms : FRAME_ms;
  waiting = setTimeout(() => requestAnimationFrame(draw), Math.max(0, drawn_ms + least_ms - performance.now()));
}

function draw() {
  waiting = 0;
  drawn_ms = performance.now();
  if (!picture) return;
  set(document.body, "data-stage", picture.boards.length ? "live" : "empty");
  drawBar();
  drawWhat(picture.run);
  say(byId("headline"), picture.headline);
  lists.drawFigures(picture.figures);
  lists.drawNotices(picture.notices, does);
  drawTiles(picture, columns, openBoard);
  ring.draw(picture);
  plots.draw(columns, picture.boards.find((board) => board.floor_pct != null)?.floor_pct ?? null, picture.power);
  lists.drawWhy(picture);
  lists.drawTransfers(picture.transfers, does);
  lists.drawStory(story.map((record) => ({ seq: record.seq, time_s: record.time_s, ...told(record, { cause, way }) })).filter((line) => line.text));
  say(byId("quantum"), joules(quantum_mJ(picture.boards, picture.run.speed)));
  say(byId("average"), percent(picture.average_pct));
  dialogs.refresh(picture);
  document.body.dataset.drawn = Number(document.body.dataset.drawn ?? 0) + 1;
}

function drawBar() {
  const { run } = picture;
  const may = does.mayAct();
  say(byId("run"), [run.site ?? run.name, run.policy.name].filter(Boolean).join(", "));
  document.title = `${picture.headline} · crowdcharge`;
  dress(byId("key"), may ? "unlock" : "lock", may ? "May steer" : "Watch only");
  const paused = run.state !== "running";
  dress(byId("pause"), paused ? "play" : "still", paused ? "Go on" : "Pause crowd");
  const replays = run.mode === "replay";
  byId("pause").hidden = replays || !may;
  byId("policy").hidden = replays || !may;
  byId("share").hidden = replays || !may;
  byId("settle").hidden = replays || !may || !picture.transfers.some(owes);
  byId("stop").hidden = replays || (!may && Boolean(link.key)); // who has the key to watch only watches
  drawReplay(run, replays);
}

/** What this is, for who comes here the first time. */
function drawWhat(run) {
  const [[title, text], about] = [empty(run), lead(run)];
  say(byId("lead"), about);
  byId("lead").hidden = !about;
  say(byId("empty-title"), title);
  say(byId("empty-text"), text);
  byId("empty-hint").hidden = run.mode !== "run";
}

function drawReplay(run, replays) {
  byId("replay").hidden = !replays || run.begin_s == null;
  if (byId("replay").hidden) return;
  const slider = byId("seek");
  set(slider, "min", Math.floor(run.begin_s));
  set(slider, "max", Math.ceil(run.end_s));
  if (document.activeElement !== slider || !slider.dataset.held) slider.value = picture.time_s;
  set(slider, "aria-valuetext", clock(picture.time_s));
  say(byId("seek-words"), `${clock(picture.time_s)} · ${span(picture.time_s - run.begin_s)} of ${span(run.end_s - run.begin_s)}`);
  const plays = run.state === "running";
  dress(byId("play"), plays ? "still" : "play", plays ? "Hold" : "Play");
}

function cause(record, name) {
  return causes.get(record.transfer_id != null && record.event === "TransferEnded" ? `transfer ${record.transfer_id}` : name)
    ?? causes.get(name) ?? String(name).toLowerCase().replaceAll("_", " ");
}

/** Between which boards a transfer was, as far as it is still known. */
function way({ transfer_id }) {
  const found = picture.transfers.find((each) => each.transfer_id === transfer_id && each.kind !== "group");
  return found ? `Board ${found.ptx} to ${found.prx} settled` : "Settled";
}

/** A transfer that is over, and for which a board has not given its receipt yet. */
const owes = (transfer) => transfer.state === "one-sided" || (transfer.state === "open" && !runs(transfer));

const still = () => byId("motion").getAttribute("aria-pressed") === "true";

// What the page may ask of the service.

const does = {
  mayAct: () => Boolean(picture?.run.actions) && link.mayAct,
  clear: (board, fault = board.fault) => ask(`boards/${board.board_id}/acknowledge`, { fault: fault.name }),
  stop: (transfer) => does.stopTransfer(transfer),
  stopTransfer: ({ transfer_id }) => ask(`transfers/${transfer_id}/stop`),
  give: (board, prx, energy_J) => ask("transfers", { ptx: board.board_id, prx, energy_J }),
  forbid: (board) => ask(`boards/${board.board_id}/${board.forbidden ? "allow" : "forbid"}`),
};

async function ask(path, body) {
  try {
    await patiently(() => link.act(path, body), () => toast("The board is at work. It is asked as soon as it is free."), PATIENCE_ms);
  } catch (error) {
    if (error instanceof Refusal && (error.status === 401 || error.status === 403))
      return needKey("This needs the key to steer.", () => ask(path, body));
    toast(error instanceof Refusal ? error.message : "The service does not answer. Boards end by themselves when their lease does.");
  }
}

let toastTimer = 0;
function toast(text) {
  const box = byId("toast");
  box.hidden = false;
  say(box, text[0].toUpperCase() + text.slice(1));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 8000);
}

const needKey = (why, then) => dialogs.askKey({ link, why, watching: Boolean(link.key), then: (answer) => (answer === "act" ? then?.() : undefined) });

function openBoard(board_id) {
  dialogs.showBoard(board_id, picture, does);
}

/** `#board-3` opens a board, `#key=...` brings a key: neither reaches a server's log. */
function openLinked() {
  const board = /^#board-(\d+)$/.exec(location.hash);
  if (board && picture.boards.some((each) => each.board_id === Number(board[1]))) openBoard(Number(board[1]));
}

function takeKeyFromAddress() {
  const given = /^#(?:view|key)=([\w-]+)$/.exec(location.hash);
  if (!given) return;
  history.replaceState(null, "", location.pathname + location.search);
  link.keep(given[1]);
}

byId("motion").addEventListener("click", ({ currentTarget: button }) => {
  set(button, "aria-pressed", String(!still()));
  set(button.querySelector("use"), "href", still() ? "#g-frozen" : "#g-moves");
  ring.flow.still = still() || kind !== "live";
});
byId("key").addEventListener("click", () => needKey(
  "Everybody may watch. Pausing, stopping and clearing need the key, which stands in the file token beside the run's results. It stays in this tab."));
byId("pause").addEventListener("click", () => ask(picture.run.state === "running" ? "pause" : "resume"));
byId("policy").addEventListener("click", async () => {
  try {
    const { name, names } = await link.get("policy");
    dialogs.choosePolicy(names, name, (chosen) => ask("policy", { name: chosen, options: {} }));
  } catch (error) { toast(error.message); }
});
byId("share").addEventListener("click", async () => {
  try { dialogs.showClass(await link.get(`classroom?origin=${encodeURIComponent(location.origin)}`)); } catch (error) { toast(error.message); }
});
byId("stop").addEventListener("click", () => {
  const stop = () => dialogs.confirm("Stop all transfers?", `${some(picture?.flows.length ?? 0, "transfer")} ${picture?.flows.length === 1 ? "ends" : "end"} now, and the crowd stays paused until somebody lets it go on.`, "Stop all", () => ask("stop"));
  if (does.mayAct() || kind !== "live") stop();
  else needKey("Stopping needs the key.", stop);
});
byId("settle").addEventListener("click", () => ask("settle"));
byId("seek").addEventListener("input", ({ target }) => { target.dataset.held = "yes"; say(byId("seek-words"), clock(Number(target.value))); });
byId("seek").addEventListener("change", ({ target }) => { delete target.dataset.held; ask("seek", { time_s: Number(target.value) }); });
byId("play").addEventListener("click", () => ask("play", { speed: picture.run.state === "running" ? 0 : 1 }));
addEventListener("hashchange", () => { takeKeyFromAddress(); if (picture) openLinked(); });

takeKeyFromAddress();
link.start();
