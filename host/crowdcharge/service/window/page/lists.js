// SPDX-License-Identifier: MIT
// What is said in lines: figures, notices, transfers with both meters, why, and what happened.

import { byId, glyph, keyed, node, say, set, typed } from "./dom.js";
import { mark } from "./marks.js";
import { clock, decimals, groupSum, joules, percent, runs as isRunning, sentence, shareRule, some, sorted, span, watts, wayOut } from "./words.js";

export function drawFigures(figures) {
  keyed(byId("figures"), figures, (figure) => figure.name,
    ({ name }) => node("div", {}, node("dt", {}, name), node("dd", { class: "value" }), node("dd", { class: "note" })),
    (item, { value, note }) => { say(item.children[1], value); say(item.children[2], note); });
}

export function drawNotices({ shown, more }, { mayAct, clear }) {
  const may = mayAct();
  const items = more ? [...shown, { kind: "more", board: { board_id: more } }] : shown;
  keyed(byId("notices"), items, (item) => `${item.title ?? item.kind} ${item.board.board_id} ${may}`, (item) => {
    if (item.kind === "more") return node("p", { class: "notice more" }, `and ${more} more, each on its tile`);
    const { board, kind, title, text } = item;
    const canClear = kind === "fault" && String(board.fault.clear_by).startsWith("host");
    return node("div", { class: "notice", "data-kind": kind, "data-testid": "notice" }, glyph(kind === "warning" ? "fault" : kind),
      node("p", { class: "words" }, node("b", {}, title), node("span", {}, ...typed(kind === "fault" ? `${text} ${wayOut(board.fault)}` : text))),
      canClear && may ? node("button", { class: "act", type: "button", onclick: () => clear(board) }, "Clear fault") : null);
  });
}

export function drawTransfers(transfers, { mayAct, stop }) {
  const host = byId("transfers");
  if (!transfers.length) return host.replaceChildren(node("p", { class: "aside" }, "None yet."));
  if (!host.querySelector("table"))
    host.replaceChildren(node("table", {}, node("thead", {}, node("tr", {},
      ...[["No.", ""], ["Way", "text"], ["Sent", ""], ["Arrived", ""], ["Lost", ""], ["Efficiency", ""], ["How it stands", "text"]]
        .map(([name, kind]) => node("th", { scope: "col", class: kind || null }, name)))), node("tbody")));
  keyed(host.querySelector("tbody"), transfers, ({ kind, transfer_id }) => `${kind} ${transfer_id}`,
    ({ kind }) => node("tr", { "data-testid": kind === "group" ? "group" : "transfer", class: kind }, ...Array.from({ length: 7 }, (_, i) => node("td", { class: { 1: "way", 6: "text" }[i] }))),
    (row, transfer) => transferRow(row, transfer, mayAct(), stop));
}

function transferRow(row, transfer, mayAct, stop) {
  if (transfer.kind === "group") return groupRow(row, transfer, mayAct, stop);
  const { transfer_id, ptx, prx, sent_mJ, received_mJ, loss_mJ, state } = transfer;
  const settled = state === "settled" && sent_mJ > 0;
  const runs = isRunning(transfer);
  const cells = [String(transfer_id), `${ptx} → ${prx || "?"}`, joules(sent_mJ), joules(received_mJ), settled ? joules(loss_mJ) : "–",
    settled ? percent((100 * received_mJ) / sent_mJ) : "–"];
  cells.forEach((text, i) => say(row.children[i], text));
  const last = row.lastChild;
  set(last, "class", runs ? "text running" : "text");
  say(last, runs ? `runs: ${power(transfer)}` : transfer.text ? sentence(transfer.text) : state);
  if (runs && mayAct && transfer.kind === "pair") last.append(" ", stopper(`Stop transfer ${transfer_id}`, transfer, stop));
}

const stopper = (name, transfer, stop) =>
  node("button", { class: "flip", type: "button", "aria-label": name, onclick: () => stop(transfer) }, "Stop");

/** The sums of a group; stopping one of its transfers stops them all. */
function groupRow(row, group, mayAct, stop) {
  const { ptx, prxs, sent_mJ, received_mJ, loss_mJ, running } = group;
  const known = loss_mJ != null && !running && sent_mJ > 0;
  const cells = ["", `${ptx} → ${sorted(prxs).join(", ")}`, joules(sent_mJ), joules(received_mJ), known ? joules(loss_mJ) : "–",
    known ? percent((100 * received_mJ) / sent_mJ) : "–"];
  cells.forEach((text, i) => say(row.children[i], text));
  const last = row.lastChild;
  set(last, "class", running ? "text running" : "text");
  say(last, running ? `pad runs: ${groupSum(group)}, ${shareRule(group)}` : `pad, ${shareRule(group)}`);
  if (running && mayAct) last.append(" ", stopper(`Stop the pad of board ${ptx}`, group, stop));
}

function power({ sent_mW, received_mW, sent_age_s, received_age_s }) {
  if (sent_mW == null && received_mW == null) return "begins";
  const sent = sent_mW === 0 && received_mW > 0 ? null : sent_mW; // its word is older than what arrived
  const side = (value, age_s) => (value == null ? "–" : watts(value) + (age_s > 3 ? ` (${span(age_s)} ago)` : ""));
  return `${side(sent, sent_age_s)} → ${side(received_mW, received_age_s)}`;
}

export function drawWhy({ run, wants, waits }) {
  const { policy } = run;
  const parts = [policy.name
    ? node("p", { class: "policy" }, node("b", {}, policy.name), policy.says ? `: ${sentence(policy.says)}` : "")
    : node("p", { class: "policy" }, "A ledger holds what was done, not why.")];
  const rows = (title, items) => items.length && parts.push(node("h3", {}, title), node("ul", {}, ...items));
  rows("Wanted next", wants.slice(0, 6).map(({ ptx, prx, energy_J, says }) =>
    node("li", {}, mark(ptx), node("span", { class: "to" }, "→"), mark(prx), node("span", {}, `Up to ${decimals(energy_J, 1)}\u202fJ. ${sentence(says ?? "")}`))));
  const reasons = [...new Set(waits.map((board) => board.waits))]; // one line for all who wait for the same
  const waiting = (why) => waits.filter((board) => board.waits === why);
  rows("Who waits", reasons.slice(0, 8).map((why) =>
    node("li", {}, node("span", { class: "marks" }, ...waiting(why).map(({ board_id }) => mark(board_id))), node("span", {}, sentence(why)))));
  const more = reasons.slice(8).flatMap(waiting).length;
  if (more) parts.push(node("p", { class: "aside" }, `and ${some(more, "board")} more, each on its tile`));
  if (parts.length === 1 && policy.name) parts.push(node("p", { class: "aside" }, "Nobody waits."));
  const key = JSON.stringify([policy, wants, waits.map((board) => [board.board_id, board.waits])]);
  const host = byId("why");
  if (host.dataset.key === key) return;
  host.dataset.key = key;
  host.replaceChildren(...parts);
}

const STORY_MAX = 200;
export function drawStory(lines) {
  const host = byId("story");
  keyed(host, lines.slice(-STORY_MAX).reverse(), (line) => line.seq,
    ({ time_s }) => node("li", {}, node("time", {}, clock(time_s)), node("span", {})),
    (item, { text, tone }) => { say(item.lastChild, text); set(item.lastChild, "data-tone", tone || null); });
}
