// SPDX-License-Identifier: MIT
// A board's mark: a hue and a shape, which together tell thirty boards apart, and its number.

import { drawn } from "./dom.js";

const HUES = 6;
const SHAPES = [
  ["circle", { cx: 13, cy: 13, r: 12 }],
  ["rect", { x: 2, y: 2, width: 22, height: 22, rx: 2.5 }],
  ["path", { d: "M13 .5 25.5 13 13 25.5.5 13Z" }],
  ["path", { d: "M7 2.2h12L25.4 13 19 23.8H7L.6 13Z" }],
  ["path", { d: "M13 .8 25.4 9.9 20.7 24.4H5.3L.6 9.9Z" }],
];
export const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4]]; // of the board's curve, by shape

export const hueOf = (board_id) => (board_id - 1) % HUES;
export const shapeOf = (board_id) => (board_id - 1) % SHAPES.length;

export function mark(board_id) {
  const [tag, shape] = SHAPES[shapeOf(board_id)];
  const body = drawn(tag, shape);
  body.style.fill = `var(--mark-${hueOf(board_id)})`;
  const number = drawn("text", { x: 13, y: 16.8 }, String(board_id));
  if (board_id > 99) number.style.fontSize = "8px";
  return drawn("svg", { class: "mark", viewBox: "0 0 26 26", "aria-hidden": "true" }, body, number);
}
