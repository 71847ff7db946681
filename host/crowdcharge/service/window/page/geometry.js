// SPDX-License-Identifier: MIT
// PURE: where the boards stand on the ring and how energy goes between them.

const ROOM = 1.12; // a step is at least so many cells, on one axis or the other
const TALL = 1.42; // height of a cell for its width, terminal included
const LABEL = 40; // height of two lines of figures under a cell
export const LABELLED_MAX = 6;
const SQUARENESS = [[4, 0.3], [8, 2 / 3], [Infinity, 0.8]]; // below 1: out into the corners
const PIECES = 480;

/** Cells that never overlap; every board's place depends on its rank only, never on its state. */
export function ring(count, width, height) {
  const label = count <= LABELLED_MAX ? LABEL : 0;
  let w = Math.min(count <= LABELLED_MAX ? 68 : 46, width / 3);
  let cells = place(count, width, height, w, label);
  while (w > 6 && crowded(cells, w, label)) {
    w *= 0.96;
    cells = place(count, width, height, w, label);
  }
  return { w, h: w * TALL, label, cells };
}

function place(count, width, height, w, label) {
  const h = w * TALL;
  const radiusX = (width - Math.max(w, label ? 92 : 0)) / 2 - 6;
  const radiusY = (height - h - label) / 2 - 6;
  const squareness = SQUARENESS.find(([most]) => count <= most)[1];
  const at = (turn) => {
    const angle = -Math.PI / 2 + turn * 2 * Math.PI;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    return {
      x: width / 2 + radiusX * Math.sign(c) * Math.abs(c) ** squareness,
      y: (height - label) / 2 + radiusY * Math.sign(s) * Math.abs(s) ** squareness,
    };
  };
  if (count <= 4) return Array.from({ length: count }, (_, rank) => at((rank - 0.5) / count));
  return paced(at, count, w, h + label);
}

/** Points on a closed way that lie a like number of cells apart, whichever axis they go along. */
function paced(at, count, w, h) {
  const reached = [0];
  for (let i = 1; i <= PIECES; i++) {
    const [a, b] = [at((i - 1) / PIECES), at(i / PIECES)];
    reached.push(reached[i - 1] + Math.max(Math.abs(b.x - a.x) / w, Math.abs(b.y - a.y) / h));
  }
  let piece = 0;
  return Array.from({ length: count }, (_, rank) => {
    const aim = (reached[PIECES] * (rank + 0.5)) / count;
    while (reached[piece] < aim) piece++;
    return at(piece / PIECES);
  });
}

function crowded(cells, w, label) {
  const stepX = w * ROOM;
  const stepY = w * TALL * ROOM + label;
  return cells.some((a, i) =>
    cells.slice(i + 1).some((b) => Math.abs(a.x - b.x) < stepX && Math.abs(a.y - b.y) < stepY),
  );
}

/** A curve from one cell to another, bent to the middle, that begins and ends clear of both. */
export function arc(from, to, { w, h, label }, width, height) {
  const middle = { x: width / 2, y: (height - label) / 2 };
  const half = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const bend = { x: half.x + (middle.x - half.x) * 0.55, y: half.y + (middle.y - half.y) * 0.55 };
  const apart = Math.hypot(to.x - from.x, to.y - from.y);
  if (Math.hypot(bend.x - half.x, bend.y - half.y) < 8 && apart > 3 * w) {
    bend.x += ((to.y - from.y) / apart) * 34; // straight across: bow a little, so that two ways differ
    bend.y += ((from.x - to.x) / apart) * 34;
  }
  return { a: edge(from, bend, w, h, label), b: bend, c: edge(to, bend, w, h, label) };
}

/** Where the line from a cell's centre to a point leaves the cell and its margin. */
function edge(cell, towards, w, h, label) {
  const [dx, dy] = [towards.x - cell.x, towards.y - cell.y];
  const reachX = w / 2 + 7;
  const reachY = h / 2 + 7 + (dy > 0 ? label : 0);
  const scale = Math.min(reachX / (Math.abs(dx) || 1e-9), reachY / (Math.abs(dy) || 1e-9), 1);
  return { x: cell.x + dx * scale, y: cell.y + dy * scale };
}

export function pointOn({ a, b, c }, share) {
  const rest = 1 - share;
  return {
    x: rest * rest * a.x + 2 * rest * share * b.x + share * share * c.x,
    y: rest * rest * a.y + 2 * rest * share * b.y + share * share * c.y,
  };
}

/** Shares of the curve that lie at even steps of length, so that dots keep their distance. */
export function evenly(curve, pieces = 48) {
  const reached = [0];
  let before = curve.a;
  for (let i = 1; i <= pieces; i++) {
    const point = pointOn(curve, i / pieces);
    reached.push(reached[i - 1] + Math.hypot(point.x - before.x, point.y - before.y));
    before = point;
  }
  const length = reached[pieces];
  const shareAt = (way) => {
    let i = 1;
    while (i < pieces && reached[i] < way) i++;
    const step = reached[i] - reached[i - 1] || 1;
    return (i - 1 + (way - reached[i - 1]) / step) / pieces;
  };
  return { length, shareAt };
}
