// SPDX-License-Identifier: MIT
// One tile for each board; its place never depends on its state.

import { byId, drawn, glyph, keyed, node, say, set } from "./dom.js";
import { mark } from "./marks.js";
import { joules, percent, sum, watts } from "./words.js";

const ROOMY_MAX = 15; // compact tiles that are as many leave room for a sentence beside the ring

/** `columns`: the curves, of which each tile shows its own in small. */
export function drawTiles(picture, columns, open) {
  const tiles = byId("tiles");
  tiles.classList.toggle("compact", picture.compact);
  tiles.classList.toggle("roomy", picture.boards.length <= ROOMY_MAX);
  tiles.dataset.count = picture.boards.length;
  keyed(tiles, picture.boards, (board) => board.board_id, (board) => tile(board, open), (tile, board) => {
    update(tile, board);
    if (!picture.compact) trace(tile, columns?.time_s ?? [], columns?.soc.get(board.board_id) ?? []);
  });
}

function tile({ board_id }, open) {
  return node("button", { class: "tile", type: "button", "data-testid": "tile", "data-board": board_id, onclick: () => open(board_id) },
    node("span", { class: "head" }, mark(board_id), node("b", {}, `Board ${board_id}`),
      node("span", { class: "word" }, glyph("ready"), node("span", {}))),
    node("span", { class: "says" }),
    node("span", { class: "spark", "aria-hidden": "true" },
      drawn("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none" }, drawn("path", { class: "area" }), drawn("path", { class: "trace" }))),
    node("span", { class: "main" }, node("span", { class: "big" }),
      node("span", { class: "meters" }, ...["span", "b", "span", "b"].map((tag) => node(tag)))),
    node("span", { class: "gauge", "aria-hidden": "true" },
      node("i", { class: "charge" }), node("i", { class: "under" }), node("i", { class: "tick" }), node("i", { class: "level" })));
}

function update(tile, board) {
  const part = (name) => tile.querySelector(`.${name}`);
  set(tile, "data-show", board.show);
  set(tile.querySelector(".word use"), "href", `#g-${board.show}`);
  const flowing = tile.parentElement.classList.contains("compact") && board.power_mW != null;
  say(part("word").lastChild, flowing ? watts(board.power_mW) : board.word);
  say(part("says"), board.says);
  say(part("big"), percent(board.soc_pct));
  meters(board).flat().forEach((text, i) => say(part("meters").children[i], text));
  const share = (board.soc_pct ?? 0) / 100;
  part("charge").style.transform = `scaleX(${share})`;
  part("level").style.transform = `translateX(${share * 100}%)`;
  part("level").hidden = board.soc_pct == null;
  part("under").style.width = `${board.floor_pct ?? 0}%`;
  part("tick").style.left = `${board.floor_pct ?? 0}%`;
  part("tick").hidden = board.floor_pct == null;
}

/** Two lines: what its running transfers have moved and what was before; or what was in all. */
function meters({ show, flows, sent_mJ, received_mJ }) {
  const [word, now, before_mJ] = { gives: ["sent", "sent_mJ", sent_mJ], receives: ["received", "received_mJ", received_mJ] }[show] ?? [];
  if (now) return [[`${word} now`, joules(sum(flows, now))], ["before", joules(before_mJ)]];
  return [["sent", joules(sent_mJ)], ["received", joules(received_mJ)]];
}

/** The charge over the time of the curves, its full height from 0 to 100 %. */
function trace(tile, time_s, soc_pct) {
  const begin_s = time_s[0];
  const whole_s = time_s.at(-1) - begin_s || 1;
  const points = soc_pct.flatMap((value, i) =>
    value == null ? [] : [`${((100 * (time_s[i] - begin_s)) / whole_s).toFixed(2)} ${(100 - value).toFixed(1)}`]);
  const line = points.length ? `M${points.join("L")}` : "";
  set(tile.querySelector(".trace"), "d", line);
  set(tile.querySelector(".area"), "d", line && `${line}L100 100L${points[0].split(" ")[0]} 100Z`);
}
