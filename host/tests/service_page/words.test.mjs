// SPDX-License-Identifier: MIT
// state.js, words.js and geometry.js by themselves, on pictures of a recorded run.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const page = new URL(`file://${process.env.PAGE}/`);
const { curves, spoken, view } = await import(new URL("state.js", page));
const { quantum_mJ } = await import(new URL("flow.js", page));
const words = await import(new URL("words.js", page));
const geometry = await import(new URL("geometry.js", page));
const pictures = JSON.parse(readFileSync(process.env.PICTURES, "utf8"));

const last = (name) => structuredClone(pictures[name].at(-1));
const FAULT = { code: 0x8f, name: "FOREIGN_OBJECT", text: "something other than the receiver takes power", way_out: "Take it away.", clear_by: "button", stops: true };

test("a charge that was known once is never forgotten", () => {
  for (const run of Object.values(pictures)) {
    const known = new Map();
    for (const picture of run)
      for (const { board_id, soc_pct } of view(picture).boards) {
        if (known.get(board_id) != null) assert.notEqual(soc_pct, null);
        known.set(board_id, soc_pct);
      }
    assert.ok(known.size >= 4);
  }
});

test("no board shows 0 % before its first reading", () => {
  for (const run of Object.values(pictures))
    for (const picture of run)
      for (const board of view(picture).boards) if (board.soc_pct == null) assert.equal(words.percent(board.soc_pct), "–");
});

test("the order of the boards never changes with their state", () => {
  const picture = last("four");
  const before = view(picture).boards.map((board) => board.board_id);
  picture.boards.reverse();
  picture.boards[0].faults = [FAULT];
  assert.deepEqual(view(picture).boards.map((board) => board.board_id), before);
});

test("the headline is the picture as a sentence", () => {
  const picture = last("four");
  assert.equal(view(picture).headline, "2 boards give 7.92\u202fW, 5.03\u202fW arrive");
  assert.equal(view({ ...picture, transfers: [] }).headline, "4 boards in range, nobody gives right now");
  assert.equal(view({ ...picture, transfers: [], run: { ...picture.run, state: "paused" } }).headline, "Paused: 4 boards in range, nobody gives right now");
  for (const board of picture.boards) board.lost = true;
  assert.equal(view(picture).headline, "No board in sight right now");
});

test("the page says what it is, and what to wait for where nothing is to be seen", () => {
  assert.equal(words.lead({ mode: "demo", speed: 5, state: "running" }), "A virtual bench: real firmware and radio stack, simulated coils and batteries, at 5× speed.");
  assert.match(words.lead({ mode: "demo", speed: 1, state: "running" }), /batteries\.$/);
  assert.equal(words.lead({ mode: "run", speed: 1, state: "running" }), "");
  assert.equal(words.lead({ mode: "run", speed: 2.5, state: "running" }), "A virtual bench, at 2.5× speed.");
  assert.match(words.lead({ mode: "run", speed: 1, state: "paused" }), /presses Go on/);
  assert.match(words.empty({ mode: "run" })[1], /^Switch a board on/);
  assert.match(words.empty({ mode: "demo" })[0], /starting$/);
});

test("what arrived is in step with the tiles, before and after it is settled", () => {
  const picture = last("four");
  const flows = picture.transfers.filter(words.runs);
  const arrived = (shown) => view(shown).figures[0].value;
  assert.equal(arrived(picture), words.joules(picture.totals.received_mJ + words.sum(flows, "received_mJ")));
  const before = arrived(picture);
  picture.totals.received_mJ += flows[0].received_mJ; // as a settlement brings both at once
  flows[0].state = "settled";
  assert.equal(arrived(picture), before);
});

test("a pad gives to several: one sum, and a line with it above its transfers", () => {
  const picture = view(last("pad"));
  assert.equal(picture.headline, "1 board gives 4.29\u202fW to 3 boards, 2.71\u202fW arrive");
  const [pad, taker] = picture.boards;
  assert.equal(pad.says, "Gives 4.29\u202fW to boards 2, 3 and 4.");
  assert.equal(pad.power_mW, words.sum(pad.flows, "sent_mW"));
  assert.equal(taker.says, "Receives 0.91\u202fW from board 1.");
  const [group, ...members] = picture.transfers.slice(0, 4);
  assert.deepEqual(picture.transfers.map(({ kind }) => kind), ["group", "member", "member", "member", "group", "member", "member", "pair"]);
  assert.deepEqual(members.map(({ prx }) => prx), group.prxs);
  for (const name of ["sent_mJ", "received_mJ"]) assert.equal(words.sum(members, name), group[name]);
  const [before, ...runs] = pictures.pad.map(view).map(({ headline }) => headline).filter((each) => each.includes("to 2 boards") || each.includes("to 3 boards"));
  assert.match(before, /to 2 boards/);
  assert.ok(runs.some((each) => each.includes("to 3 boards")));
});

test("a board that is lost or stopped neither gives nor receives", () => {
  const picture = last("four");
  picture.boards[0].lost = true;
  picture.boards[1].faults = [FAULT];
  const { flows, boards } = view(picture);
  assert.equal(flows.length, 0);
  assert.deepEqual(boards.map((board) => board.show), ["lost", "fault", "ready", "ready"]);
});

test("a board with a warning goes on, and nobody says that it stopped", () => {
  const picture = last("four");
  picture.boards[0].faults = [{ ...FAULT, name: "THERMISTOR_DULL", text: "the thermistor does not feel the coil", stops: false }];
  const { boards, flows, headline, notices } = view(picture);
  assert.equal(flows.length, 2);
  assert.equal(boards[0].show, "gives");
  assert.match(headline, /^2 boards give/);
  assert.deepEqual(notices.shown.map(({ kind, title }) => [kind, title]), [["warning", "Board 1 warns: the thermistor does not feel the coil."]]);
});

test("headline, curves and tiles count the same transfers", () => {
  const picture = last("four");
  picture.boards[3].faults = [FAULT];
  delete picture.curves;
  assert.match(view(picture).headline, /^1 board gives 3.97/);
  assert.equal(curves(null, picture).sent_mW.at(-1), 3966);
  for (const each of picture.transfers) Object.assign(each, { sent_mW: 0, received_mW: 0 });
  assert.equal(view(picture).headline, "4 boards in range, no power flows at this moment");
});

test("a transfer that an earlier run left open does not run", () => {
  const picture = last("four");
  for (const transfer of picture.transfers) transfer.started_s = null;
  assert.equal(view(picture).headline, "4 boards in range, nobody gives right now");
});

test("notices: faults first, then who is out of sight, four at most", () => {
  const picture = last("thirty");
  picture.boards.slice(0, 6).forEach((board) => (board.lost = true));
  picture.boards[20].faults = [FAULT];
  const { notices } = view(picture);
  assert.equal(notices.shown[0].kind, "fault");
  assert.equal(notices.shown[0].title, "Board 21 stopped: something other than the receiver takes power.");
  assert.equal(notices.shown.length, 3);
  assert.equal(notices.more, 4);
  assert.equal(notices.all.length, 7);
});

test("a donor that was cut off says from when it gives again", () => {
  const picture = pictures.four.find((each) => view(each).boards.some((board) => board.show === "floor"));
  const board = view(picture).boards.find((each) => each.show === "floor");
  assert.equal(board.board_id, 3);
  assert.equal(board.says, "At its floor of 20\u202f%; gives again from 25\u202f%.");
});

test("a screen reader hears what begins and ends to stand, and not each figure", () => {
  const calm = view(last("four"));
  const picture = last("four");
  picture.boards[3].faults = [FAULT];
  const stopped = view(picture);
  assert.match(spoken(calm, stopped), /^Board 4 stopped: something other/);
  assert.equal(spoken(stopped, calm), "Board 4: no fault stands any more.");
  const said = pictures.four.map(view).map((now, i, all) => (i ? spoken(all[i - 1], now) : "")).filter(Boolean);
  assert.ok(said.length <= 4, said.join("\n"));
});

test("no sentence holds a code, an exclamation mark, or a value that is none", () => {
  for (const run of Object.values(pictures))
    for (const picture of run) {
      const { headline, boards, figures, notices } = view(picture);
      const said = [headline, ...boards.map((board) => board.says), ...figures.flatMap(({ value, note }) => [value, note]), ...notices.all.flatMap(({ title, text }) => [title, text])];
      for (const text of said) assert.doesNotMatch(text, /undefined|null|NaN|!|[A-Z]{3,}_|0x/, text);
    }
});

test("what happened, in words", () => {
  const told = (record) => words.told(record, { cause: (_, name) => name })?.text ?? null;
  assert.equal(told({ event: "Settled", sent_mJ: 5600, received_mJ: 3500, loss_mJ: 2100 }), "Settled: 5.6\u202fJ sent, 3.5\u202fJ arrived, 2.1\u202fJ lost.");
  assert.equal(words.told({ event: "Settled", sent_mJ: 5600, received_mJ: 3500, loss_mJ: 2100 }, { way: () => "Board 1 to 3 settled" }).text, "Board 1 to 3 settled: 5.6\u202fJ sent, 3.5\u202fJ arrived, 2.1\u202fJ lost.");
  assert.equal(told({ event: "FaultRaised", board_id: 4, name: "X", text: "it is dull", stops: false }), "Board 4 warns: it is dull.");
  assert.equal(told({ event: "Settled", sent_mJ: 0, received_mJ: 0, loss_mJ: 0 }), null);
  assert.equal(told({ event: "Refused", board_id: 3, name: "FLOOR", text: "the donor is at its floor" }), "Board 3 said no: the donor is at its floor.");
  assert.equal(told({ event: "TransferEnded", ptx: 3, prx: 2, ept_ptx: null, ept_prx: null }), "Board 3 to 2 ended: one side could not be asked.");
  assert.equal(told({ event: "Progress" }), null);
});

test("curves grow by one point for each picture, and forget after a quarter of an hour", () => {
  const picture = last("four");
  let columns = curves(null, picture);
  const before = columns.time_s.length;
  delete picture.curves;
  for (let i = 1; i <= 1000; i++) columns = curves(columns, { ...picture, time_s: picture.time_s + i });
  assert.ok(before > 10 && columns.time_s.length <= 902, String(columns.time_s.length));
  for (const column of [columns.sent_mW, ...columns.soc.values()]) assert.equal(column.length, columns.time_s.length);
  assert.equal(columns.sent_mW.at(-1), 7915);
});

test("no two cells of the ring overlap, and none leaves it", () => {
  for (let count = 2; count <= 30; count++)
    for (let width = 270; width <= 940; width += 95)
      for (const height of [300, 556]) {
        const { w, h, label, cells } = geometry.ring(count, width, height);
        const where = `${count} boards on ${width} x ${height}`;
        assert.ok(w >= 12, `${where}: cells of ${w}`);
        cells.forEach((a, i) => {
          assert.ok(a.x - w / 2 >= 0 && a.x + w / 2 <= width && a.y - h / 2 >= 0 && a.y + h / 2 + label <= height, `${where}: outside`);
          for (const b of cells.slice(i + 1))
            assert.ok(Math.abs(a.x - b.x) >= 1.1 * w || Math.abs(a.y - b.y) >= 1.1 * h, `${where}: overlap`);
        });
      }
});

test("a dot is a tenth of what the strongest board gives in a second, and 0.5 J in a replay", () => {
  assert.equal(quantum_mJ([{ power_max_mW: 5000 }, { power_max_mW: 12000 }, {}]), 1200);
  assert.equal(quantum_mJ([{ power_max_mW: null }, {}]), 500);
  assert.equal(quantum_mJ([]), 500);
  assert.equal(quantum_mJ([{ power_max_mW: 12000 }], 5), 6000); // of boards whose time runs faster
  assert.equal(quantum_mJ([], 0), 500); // of a replay that is held
});

test("dots keep their distance along a curve", () => {
  const curve = { a: { x: 0, y: 0 }, b: { x: 50, y: 200 }, c: { x: 300, y: 20 } };
  const { length, shareAt } = geometry.evenly(curve);
  const points = Array.from({ length: 11 }, (_, i) => geometry.pointOn(curve, shareAt((length * i) / 10)));
  const steps = points.slice(1).map((point, i) => Math.hypot(point.x - points[i].x, point.y - points[i].y));
  assert.ok(Math.max(...steps) / Math.min(...steps) < 1.15, steps.join(" "));
});
