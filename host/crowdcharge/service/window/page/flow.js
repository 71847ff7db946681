// SPDX-License-Identifier: MIT
// Energy on its way. A dot is a fixed energy, so dots per second are power; the lost share turns
// hollow at the gap between the coils and fades. One canvas, and only while something flows.

import { evenly, pointOn } from "./geometry.js";

const FRAME_ms = 1000 / 30;
const SPACING = 17;
const RADIUS = 3.2;
const GAP = 0.5; // of the way: there the coils face each other
const FADE = 46; // a lost dot is gone after so many pixels

const USUAL_mW = 5000; // where no board has said what it is built for, as in a replay

/** Energy of one dot: a tenth of what the strongest board gives in a second, as fast as time goes there. */
export const quantum_mJ = (boards, speed = 1) =>
  ((Math.max(0, ...boards.map((board) => board.power_max_mW ?? 0)) || USUAL_mW) / 10) * (speed || 1);

export class Flow {
  #canvas = document.createElement("canvas");
  #flows = [];
  #sent_mJ = new Map(); // that the dots of each transfer have shown
  #quantum_mJ = 500;
  #speed = 1; // of the boards' time; 0 while a replay is held
  #before_ms = 0;
  #frame = 0;
  #still = false;
  #reduced = matchMedia("(prefers-reduced-motion: reduce)");
  #ink = {};

  constructor(host) {
    this.#canvas.setAttribute("aria-hidden", "true");
    host.append(this.#canvas);
    this.#reduced.addEventListener("change", () => this.#wake());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#dip());
    document.addEventListener("visibilitychange", () => this.#wake());
    this.#dip();
  }

  set still(value) {
    this.#still = value;
    this.#wake();
  }

  take(flows, boards, speed) {
    this.#speed = speed;
    this.#quantum_mJ = quantum_mJ(boards, speed);
    this.#flows = flows.map((flow) => ({ ...flow, steps: evenly(flow.curve) }));
    const ids = new Set(flows.map((flow) => flow.transfer_id));
    for (const id of this.#sent_mJ.keys()) if (!ids.has(id)) this.#sent_mJ.delete(id);
    for (const { transfer_id, sent_mJ } of flows) if (!this.#sent_mJ.has(transfer_id)) this.#sent_mJ.set(transfer_id, sent_mJ);
    this.#wake();
  }

  #dip() {
    const style = getComputedStyle(document.documentElement);
    this.#ink = { energy: style.getPropertyValue("--energy"), lost: style.getPropertyValue("--lost") };
    this.#wake();
  }

  #wake() {
    cancelAnimationFrame(this.#frame);
    const moves = this.#flows.length && this.#speed && !this.#still && !this.#reduced.matches && !document.hidden;
    this.#canvas.dataset.moves = moves ? "yes" : "no";
    this.#before_ms = 0;
    if (moves) this.#frame = requestAnimationFrame((now_ms) => this.#tick(now_ms));
    else this.#chevrons(this.#clear());
  }

  #tick(now_ms) {
    this.#frame = requestAnimationFrame((later_ms) => this.#tick(later_ms));
    const passed_ms = now_ms - (this.#before_ms || now_ms);
    if (this.#before_ms && passed_ms < FRAME_ms - 2) return;
    this.#before_ms = now_ms;
    const context = this.#clear();
    for (const flow of this.#flows) {
      const shown_mJ = this.#sent_mJ.get(flow.transfer_id) + (flow.sent_mW * this.#speed * Math.min(passed_ms, 100)) / 1000;
      this.#sent_mJ.set(flow.transfer_id, shown_mJ);
      this.#dots(context, flow, shown_mJ / this.#quantum_mJ);
    }
  }

  #clear() {
    const { clientWidth, clientHeight } = this.#canvas;
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    return context;
  }

  #dots(context, { curve, steps, sent_mW, received_mW }, dots) {
    const lost = received_mW == null ? 0 : Math.max(0, 1 - received_mW / sent_mW);
    const newest = Math.floor(dots);
    for (let number = newest; number >= 0; number--) {
      const along = (dots - number) * SPACING;
      if (along > steps.length) break;
      const goes = Math.floor((number + 1) * lost) > Math.floor(number * lost);
      const beyond = goes ? along - steps.length * GAP : 0;
      if (beyond > FADE) continue;
      const ends = Math.min(1, along / 12, (steps.length - along) / 12);
      if (beyond > 0) this.#hollow(context, curve, steps, beyond, number);
      else this.#full(context, pointOn(curve, steps.shareAt(along)), ends);
    }
    context.globalAlpha = 1;
  }

  #full(context, { x, y }, alpha) {
    context.globalAlpha = Math.max(0, alpha);
    context.fillStyle = this.#ink.energy;
    context.beginPath();
    context.arc(x, y, RADIUS, 0, 2 * Math.PI);
    context.fill();
  }

  /** It leaves the way sideways, now to the left and now to the right. */
  #hollow(context, curve, steps, beyond, number) {
    const gap = pointOn(curve, steps.shareAt(steps.length * GAP));
    const next = pointOn(curve, steps.shareAt(steps.length * GAP + 4));
    const [dx, dy] = [(next.x - gap.x) / 4, (next.y - gap.y) / 4];
    const aside = (number % 2 ? 1 : -1) * beyond * 0.62;
    context.globalAlpha = 1 - beyond / FADE;
    context.strokeStyle = this.#ink.lost;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(gap.x + dx * beyond * 0.6 - dy * aside, gap.y + dy * beyond * 0.6 + dx * aside, RADIUS, 0, 2 * Math.PI);
    context.stroke();
  }

  /** Without motion: arrowheads that show the way. */
  #chevrons(context) {
    context.globalAlpha = 1;
    context.strokeStyle = this.#ink.energy;
    context.lineWidth = 2.2;
    context.lineJoin = context.lineCap = "round";
    for (const { curve, steps } of this.#flows)
      for (let along = steps.length * 0.25; along < steps.length - 8; along += Math.max(34, steps.length / 4)) {
        const tip = pointOn(curve, steps.shareAt(along));
        const tail = pointOn(curve, steps.shareAt(along - 3));
        const angle = Math.atan2(tip.y - tail.y, tip.x - tail.x);
        context.beginPath();
        for (const turn of [2.5, 0, -2.5])
          context.lineTo(tip.x + (turn ? 10 * Math.cos(angle + turn) : 0), tip.y + (turn ? 10 * Math.sin(angle + turn) : 0));
        context.stroke();
      }
  }
}
