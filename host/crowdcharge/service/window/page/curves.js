// SPDX-License-Identifier: MIT
// Power and charge over time, drawn by uPlot; behind each a table with the same figures.

import { byId, node, say } from "./dom.js";
import { DASHES, hueOf, shapeOf } from "./marks.js";
import { clock, percent, watts } from "./words.js";

const ROWS = 30;
const THIN_ABOVE = 8; // boards
const HEIGHT = 220;

export class Curves {
  #power = null;
  #charge = null;
  #boards = "";
  #last = null;

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#anew());
    for (const button of document.querySelectorAll(".curve .flip")) button.addEventListener("click", () => this.#flip(button));
    new ResizeObserver(() => this.#fit()).observe(byId("power-plot"));
  }

  draw(curves, floor_pct, power) {
    if (!curves?.time_s.length) return;
    this.#last = [curves, floor_pct, power];
    say(byId("sent-now"), watts(power.sent_mW));
    say(byId("arrives-now"), watts(power.received_mW));
    const ids = [...curves.soc.keys()].sort((a, b) => a - b);
    if (ids.join() !== this.#boards || !this.#power) {
      this.#boards = ids.join();
      this.#make(ids, floor_pct);
    }
    this.#power.setData([curves.time_s, scaled(curves.sent_mW), scaled(curves.received_mW)]);
    this.#charge.setData([curves.time_s, ...ids.map((id) => curves.soc.get(id)), curves.time_s.map(() => floor_pct)]);
    this.#tables(curves, ids);
  }

  #anew() {
    this.#boards = "none";
    if (this.#last) this.draw(...this.#last);
  }

  #make(ids) {
    this.#power?.destroy();
    this.#charge?.destroy();
    const paint = painter();
    const stepped = uPlot.paths.stepped({ align: 1 });
    this.#power = new uPlot(options(paint, (value) => `${value}\u202fW`, (_, low, high) => [0, Math.max(1, high * 1.1)], [
      { stroke: paint("--lost"), dash: [6, 4], width: 1.6, paths: stepped, points: { show: false } },
      { stroke: paint("--energy"), width: 2, fill: `${paint("--energy")}1c`, paths: stepped, points: { show: false } },
    ], { bands: [{ series: [1, 2], fill: `${paint("--lost")}1f` }] }), [[], [], []], byId("power-plot"));
    const many = ids.length > THIN_ABOVE;
    const lines = ids.map((id) => ({
      stroke: paint(`--mark-${hueOf(id)}`), dash: DASHES[shapeOf(id)], width: many ? 1.2 : 2, points: { show: false }, spanGaps: true,
    }));
    lines.push({ stroke: paint("--edge"), dash: [4, 4], width: 1.2, points: { show: false } });
    this.#charge = new uPlot(options(paint, (value) => `${value}\u202f%`, () => [0, 100], lines, {
      padding: [8, 26, 0, 0],
      hooks: { draw: [(plot) => { nameFloor(plot, paint); if (!many) nameLines(plot, ids, paint); }] },
    }), [[], ...lines.map(() => [])], byId("charge-plot"));
  }

  #fit() {
    for (const [plot, id] of [[this.#power, "power-plot"], [this.#charge, "charge-plot"]]) {
      const width = byId(id).clientWidth;
      if (plot && width && plot.width !== width) plot.setSize({ width, height: HEIGHT });
    }
  }

  #flip(button) {
    const table = byId(button.getAttribute("aria-controls"));
    table.hidden = !table.hidden;
    table.previousElementSibling.hidden = !table.hidden;
    button.setAttribute("aria-expanded", String(!table.hidden));
    say(button, table.hidden ? "Table" : "Curve");
    if (this.#last) this.draw(...this.#last);
    this.#fit();
  }

  #tables(curves, ids) {
    const step = Math.max(1, Math.ceil(curves.time_s.length / ROWS));
    const rows = curves.time_s.map((_, i) => i).filter((i) => (curves.time_s.length - 1 - i) % step === 0).reverse();
    fill("power-table", ["Time", "Sent", "Arrives", "Lost"], rows, (i) => [
      watts(curves.sent_mW[i]), watts(curves.received_mW[i]), watts(Math.max(0, curves.sent_mW[i] - curves.received_mW[i]))], curves);
    fill("charge-table", ["Time", ...ids.map((id) => `Board ${id}`)], rows, (i) => ids.map((id) => percent(curves.soc.get(id)[i])), curves);
  }
}

function fill(id, names, rows, figures, curves) {
  const host = byId(id);
  if (host.hidden) return;
  host.replaceChildren(node("table", {},
    node("thead", {}, node("tr", {}, ...names.map((name, i) => node("th", { scope: "col", class: i ? null : "text" }, name)))),
    node("tbody", {}, ...rows.map((i) => node("tr", {}, node("td", { class: "way" }, clock(curves.time_s[i])), ...figures(i).map((figure) => node("td", {}, figure)))))));
}

const scaled = (column_mW) => column_mW.map((value) => value / 1000);

function painter() {
  const style = getComputedStyle(document.documentElement);
  return (token) => style.getPropertyValue(token).trim();
}

function options(paint, figure, range, series, more) {
  const axis = { stroke: paint("--soft"), font: "12px system-ui", ticks: { show: false }, grid: { stroke: paint("--rule"), width: 1 } };
  return {
    width: byId("power-plot").clientWidth || 300, height: HEIGHT, legend: { show: false }, cursor: { show: false },
    scales: { x: { time: true }, y: { range } },
    axes: [
      { ...axis, grid: { show: false }, space: 70, values: (_, times_s) => times_s.map(clock), size: 28 },
      { ...axis, size: 48, values: (_, values) => values.map(figure), space: 34 },
    ],
    series: [{}, ...series],
    ...more,
  };
}

/** Each line's number at its end, moved apart where lines meet. */
function nameLines(plot, ids, paint) {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  const ends = ids.map((id, i) => ({ id, value: plot.data[i + 1].at(-1) })).filter((end) => end.value != null)
    .map((end) => ({ ...end, y: plot.valToPos(end.value, "y", true) })).sort((a, b) => a.y - b.y);
  for (let i = 1; i < ends.length; i++) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + 13 * ratio);
  ctx.save();
  ctx.font = `700 ${12 * ratio}px system-ui`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const { id, y } of ends) {
    ctx.fillStyle = paint(`--mark-${hueOf(id)}`);
    ctx.fillText(String(id), plot.bbox.left + plot.bbox.width + 7 * ratio, y);
  }
  ctx.restore();
}

function nameFloor(plot, paint) {
  const floor_pct = plot.data.at(-1).at(-1);
  if (floor_pct == null) return;
  const ratio = devicePixelRatio;
  plot.ctx.save();
  plot.ctx.font = `${11 * ratio}px system-ui`;
  plot.ctx.textAlign = "left";
  plot.ctx.fillStyle = paint("--soft");
  plot.ctx.fillText("floor", plot.bbox.left + 4 * ratio, plot.valToPos(floor_pct, "y", true) + 13 * ratio);
  plot.ctx.restore();
}
