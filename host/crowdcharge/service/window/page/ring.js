// SPDX-License-Identifier: MIT
// The picture: every board a battery on a ring, who rests on whom, and energy on its way.

import { byId, drawn, keyed, say, set } from "./dom.js";
import { Flow } from "./flow.js";
import * as geometry from "./geometry.js";
import { percent, watts } from "./words.js";

const FULL_mW = 5000; // an arc of this power has its full width

export class Ring {
  #host = byId("ring");
  #links = drawn("g");
  #arcs = drawn("g");
  #cells = drawn("g");
  #svg;
  #picture = null;
  #layout = null;
  #size = "";

  constructor(open) {
    this.open = open;
    this.#svg = drawn("svg", { role: "img" }, this.#links, this.#arcs, this.#cells);
    this.#host.append(this.#svg);
    this.flow = new Flow(this.#host);
    new ResizeObserver(() => this.#picture && this.draw(this.#picture)).observe(this.#host);
  }

  draw(picture) {
    this.#picture = picture;
    const { boards } = picture;
    const narrow = matchMedia("(max-width: 560px)").matches;
    this.#host.style.minHeight = `${tall(boards.length, narrow)}px`;
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (!width || !height || !boards.length) return;
    const size = `${boards.length} ${width} ${height}`;
    if (size !== this.#size) {
      this.#size = size;
      this.#layout = geometry.ring(boards.length, width, height);
      this.#cells.replaceChildren();
    }
    set(this.#svg, "aria-label", picture.boards.filter((board) => board.show === "gives").map((board) => `Board ${board.board_id}: ${board.says}`).join(" ") || "Nobody gives.");
    const at = new Map(boards.map((board, rank) => [board.board_id, this.#layout.cells[rank]]));
    const curve = (from, to) => geometry.arc(at.get(from), at.get(to), this.#layout, width, height);
    keyed(this.#cells, boards, (board) => board.board_id, (board) => this.#cell(board, at.get(board.board_id)), (cell, board) => this.#update(cell, board));
    keyed(this.#links, picture.links, (pair) => pair.join("-"), () => drawn("path", { class: "touching" }), (path, [a, b]) => set(path, "d", way(curve(a, b))));
    const flows = picture.flows.filter((flow) => at.has(flow.ptx) && at.has(flow.prx));
    keyed(this.#arcs, flows, (flow) => flow.transfer_id, () => drawn("path", { class: "flow" }), (path, flow) => {
      set(path, "d", way(curve(flow.ptx, flow.prx)));
      path.style.strokeWidth = 2 + 4 * Math.sqrt(Math.min(1, (flow.sent_mW ?? 0) / FULL_mW));
    });
    this.flow.take(flows.filter((flow) => flow.sent_mW > 0).map((flow) => ({ ...flow, curve: curve(flow.ptx, flow.prx) })), boards, picture.run.speed ?? 1);
  }

  #cell({ board_id }, { x, y }) {
    const { w, h, label } = this.#layout;
    const cap = h * 0.07;
    const clip = `charge-of-${board_id}`;
    const body = { x: -w / 2, y: -h / 2 + cap, width: w, height: h - cap, rx: w * 0.19 };
    const big = Math.max(9, Math.min(28, w * 0.42));
    return drawn("g", { class: "cell", transform: `translate(${x} ${y})`, "data-testid": "cell", "data-board": board_id, onclick: () => this.open(board_id) },
      drawn("clipPath", { id: clip }, drawn("rect", body)),
      drawn("rect", { class: "cap", x: -w * 0.18, y: -h / 2, width: w * 0.36, height: cap + 2, rx: 2 }),
      drawn("rect", { class: "body", ...body }),
      drawn("g", { "clip-path": `url(#${clip})` },
        drawn("rect", { class: "charge", x: -w / 2, width: w, y: body.y, height: body.height }),
        drawn("path", { class: "level", d: `M${-w / 2} 0h${w}` }),
        drawn("path", { class: "floor", d: `M${-w / 2} 0h${w}` })),
      drawn("rect", { class: "body outline", ...body, "fill-opacity": 0 }),
      drawn("text", { class: "number", y: cap / 2 + big * 0.36, "font-size": big }, String(board_id)),
      drawn("circle", { class: "alarm", cx: w / 2 - 2, cy: body.y + 2, r: Math.max(5, w * 0.15) }),
      drawn("text", { class: "alarm-sign", x: w / 2 - 2, y: body.y + 2 + w * 0.085, "font-size": Math.max(8, w * 0.23) }, "!"),
      ...(label ? [drawn("text", { class: "pct", y: h / 2 + 16 }), drawn("text", { class: "power", y: h / 2 + 33 })] : []));
  }

  #update(cell, board) {
    const part = (name) => cell.querySelector(`.${name}`);
    const { h, label } = this.#layout;
    const [bottom, tall] = [h / 2, h - h * 0.07];
    const heightOf = (pct) => bottom - (tall * (pct ?? 0)) / 100;
    set(cell, "data-show", board.show);
    part("charge").style.transform = `translateY(${(heightOf(board.soc_pct) - (bottom - tall)).toFixed(1)}px)`;
    part("level").style.transform = `translateY(${heightOf(board.soc_pct).toFixed(1)}px)`;
    part("level").style.visibility = board.soc_pct == null ? "hidden" : "";
    part("floor").style.transform = `translateY(${heightOf(board.floor_pct).toFixed(1)}px)`;
    part("floor").style.visibility = board.floor_pct == null ? "hidden" : "";
    if (!label) return;
    say(part("pct"), percent(board.soc_pct));
    say(part("power"), board.power_mW == null ? "" : `${board.show === "gives" ? "−" : "+"}${watts(board.power_mW)}`);
  }
}

const way = ({ a, b, c }) => `M${a.x.toFixed(1)} ${a.y.toFixed(1)}Q${b.x.toFixed(1)} ${b.y.toFixed(1)} ${c.x.toFixed(1)} ${c.y.toFixed(1)}`;

const tall = (count, narrow) => (narrow ? 300 : 340) + Math.max(0, count - 6) * (narrow ? 3 : 9);
