// SPDX-License-Identifier: MIT
// PURE: what the page shows, from the service's snapshot. The service alone decides what is true.

import * as words from "./words.js";

const KEPT_s = 900;
export const COMPACT_ABOVE = 8;
const NOTICES_MAX = 4;

// What a board shows, the first that holds; each has a glyph, a word and a line style of its own.
const SHOWS = [
  ["fault", (board) => board.fault],
  ["lost", (board) => board.lost],
  ["gives", (board) => board.flow?.ptx === board.board_id],
  ["receives", (board) => board.flow?.prx === board.board_id],
  ["forbidden", (board) => board.forbidden],
  ["new", (board) => board.soc_pct == null],
  ["floor", (board) => board.cut && board.soc_pct < board.resume_pct],
  ["ready", () => true],
];
export const SHOW_WORDS = {
  fault: "fault", lost: "out of sight", gives: "gives", receives: "receives",
  forbidden: "kept out", new: "new", floor: "at its floor", ready: "ready",
};

export function view(snapshot) {
  const flows = flowing(snapshot);
  const cut = cutAtFloor(snapshot.transfers);
  const boards = [...snapshot.boards]
    .sort((a, b) => a.board_id - b.board_id)
    .map((board) => shown(board, flows, cut, snapshot.groups ?? []));
  const picture = { run: snapshot.run, boards, flows, power: power(flows), totals: snapshot.totals, time_s: snapshot.time_s };
  return {
    ...picture,
    compact: boards.length > COMPACT_ABOVE,
    headline: words.headline(picture),
    figures: figures(snapshot, flows),
    notices: notices(boards, snapshot.run.lease_s),
    average_pct: average(boards),
    transfers: lines(snapshot.transfers.filter((transfer) => transfer.state !== "void"), snapshot.groups ?? []),
    waits: boards.filter((board) => board.waits && !board.flow && !board.lost),
    wants: snapshot.next ?? [],
    links: links(boards).filter(([a, b]) => !flows.some(({ ptx, prx }) => (ptx === a && prx === b) || (ptx === b && prx === a))),
  };
}

/** Transfers, the newest first; those of a group stand in their order below a line with its sums. */
function lines(transfers, groups) {
  const several = groups.filter((group) => group.transfers.length > 1);
  const of = new Map(several.flatMap((group) => group.transfers.map((transfer_id) => [transfer_id, group])));
  const head = ({ transfer_id }) => of.get(transfer_id)?.transfers[0] ?? transfer_id;
  const ordered = [...transfers].sort((a, b) => head(b) - head(a) || a.transfer_id - b.transfer_id);
  return ordered.flatMap((transfer) => {
    const group = of.get(transfer.transfer_id);
    const line = { ...transfer, kind: group ? "member" : "pair" };
    return group && head(transfer) === transfer.transfer_id ? [{ ...group, kind: "group", transfer_id: head(transfer) }, line] : [line];
  });
}

/** Transfers that run between boards of which neither is out of sight or has stopped. */
function flowing({ boards, transfers }) {
  const silent = new Set(boards.filter((board) => board.lost || board.faults.some(stops)).map((board) => board.board_id));
  return transfers.filter((transfer) => words.runs(transfer) && !silent.has(transfer.ptx) && !silent.has(transfer.prx));
}

const stops = (fault) => fault.stops;

/** What is sent and what arrives, as far as it is known of one moment. */
function power(flows) {
  const counted = flows.filter(words.bothSpoke);
  return { sent_mW: words.sum(counted, "sent_mW"), received_mW: words.sum(counted, "received_mW") };
}

function shown(board, flows, cut, groups) {
  const mine = flows.filter((flow) => flow.ptx === board.board_id || flow.prx === board.board_id);
  const whole = {
    ...board,
    fault: board.faults.find(stops) ?? null,
    warning: board.faults.find((fault) => !fault.stops) ?? null,
    flow: mine[0] ?? null,
    flows: mine,
    group: groups.find((group) => group.running && group.group_id === board.group_id && group.prxs.length > 1) ?? null,
    cut: cut.has(board.board_id),
  };
  whole.show = SHOWS.find(([, holds]) => holds(whole))[0];
  whole.word = SHOW_WORDS[whole.show];
  whole.says = words.doing(whole);
  whole.power_mW = words.sum(mine, whole.show === "gives" ? "sent_mW" : "received_mW") || null;
  return whole;
}

/** Donors whose newest transfer ended at their floor. */
function cutAtFloor(transfers) {
  const newest = new Map();
  for (const transfer of [...transfers].sort((a, b) => a.transfer_id - b.transfer_id))
    newest.set(transfer.ptx, transfer.ept_ptx === "FLOOR");
  return new Set([...newest].filter(([, cut]) => cut).map(([board_id]) => board_id));
}

/** What is settled, and beside it what the meters of the others have said so far. */
function inAll({ totals, transfers }, key) {
  return totals[key] == null ? null : totals[key] + words.sum(transfers.filter(({ state }) => state === "open"), key);
}

function figures(snapshot, flows) {
  const { run, totals, time_s } = snapshot;
  return [
    { name: "Arrived", value: words.joules(inAll(snapshot, "received_mJ")), note: `of ${words.joules(inAll(snapshot, "sent_mJ"))} sent` },
    {
      name: "Efficiency",
      value: totals.efficiency == null ? "–" : words.percent(totals.efficiency * 100),
      note: totals.settled ? `of ${totals.settled} settled` : "nothing settled yet",
    },
    { name: "Imbalance", value: words.decimals(totals.imbalance_now), note: `from ${words.decimals(totals.imbalance_first)}; 0 is even` },
    { name: "Transfers", value: String(totals.transfers), note: `${flows.length} running, ${words.span(time_s - run.started_s)} in` },
  ];
}

const URGENCY = [
  ["fault", (board) => board.show === "fault"],
  ["lost", (board) => board.show === "lost"],
  ["warning", (board) => board.warning && !board.fault && !board.lost],
  ["floor", (board) => board.show === "floor"],
];
function notices(boards, lease_s) {
  const standing = URGENCY.flatMap(([kind, holds]) =>
    boards.filter(holds).map((board) => ({ kind, board, ...words.notice(kind, board, lease_s) })));
  const fits = standing.length <= NOTICES_MAX;
  return { shown: fits ? standing : standing.slice(0, NOTICES_MAX - 1), more: fits ? 0 : standing.length - NOTICES_MAX + 1, all: standing };
}

function average(boards) {
  const known = boards.filter((board) => board.soc_pct != null);
  return known.length ? words.sum(known, "soc_pct") / known.length : null;
}

/** Each pair of boards that rest on each other, once. */
function links(boards) {
  const here = new Set(boards.map((board) => board.board_id));
  return boards.flatMap((board) =>
    (board.contacts ?? []).filter((other) => board.board_id < other && here.has(other)).map((other) => [board.board_id, other]));
}

/** Curves as columns over time; each snapshot adds one point to them, so that they end now. */
export function curves(before, snapshot) {
  const { time_s, boards } = snapshot;
  const { sent_mW, received_mW } = power(flowing(snapshot));
  const now = (snapshot.curves ? fromServer(snapshot.curves) : before) ?? { time_s: [], soc: new Map(), sent_mW: [], received_mW: [] };
  const keep = now.time_s.findIndex((at_s) => at_s >= time_s - KEPT_s);
  const from = keep < 0 ? now.time_s.length : keep;
  const grown = (column, value) => [...column.slice(from), value];
  const count = now.time_s.length;
  return {
    time_s: grown(now.time_s, Math.max(time_s, now.time_s.at(-1) ?? time_s)),
    sent_mW: grown(now.sent_mW, sent_mW),
    received_mW: grown(now.received_mW, received_mW),
    soc: new Map(boards.map(({ board_id, soc_pct }) =>
      [board_id, grown(now.soc.get(board_id) ?? Array(count).fill(null), soc_pct)])),
  };
}

function fromServer({ since_s, step_s, soc, sent_mW, received_mW }) {
  return {
    time_s: sent_mW.map((_, i) => since_s + i * step_s),
    sent_mW: [...sent_mW],
    received_mW: [...received_mW],
    soc: new Map(Object.entries(soc).map(([board_id, column]) => [Number(board_id), [...column]])),
  };
}

/** What a screen reader is told: what begins or ends to stand, nothing else. */
export function spoken(before, after) {
  if (!before) return "";
  const key = ({ kind, board }) => `${kind} ${board.board_id}`;
  const had = new Set(before.notices.all.map(key));
  const has = new Set(after.notices.all.map(key));
  const come = after.notices.all.filter((item) => !had.has(key(item))).map((item) => `${item.title} ${item.text}`);
  const gone = before.notices.all.filter((item) => !has.has(key(item))).map((item) => `Board ${item.board.board_id}: ${GONE[item.kind]}`);
  const told = [...come, ...gone];
  if (before.run.state !== after.run.state) told.unshift({ paused: "Paused.", stopped: "All stopped.", running: "Running again." }[after.run.state] ?? "");
  return told.slice(0, 3).join(" ");
}
const GONE = { fault: "no fault stands any more.", lost: "in sight again.", warning: "no warning stands any more.", floor: "above its floor again." };
