// SPDX-License-Identifier: MIT
// Dialogs: one native element, so that focus stays inside and comes back.

import { byId, node, say, typed } from "./dom.js";
import { mark } from "./marks.js";
import { boardsNamed, decimals, groupSum, joules, percent, shareRule, sorted, span, sum, watts, wayOut } from "./words.js";

const dialog = byId("dialog");
let redraw = null; // draws the open dialog anew when the picture changes
let closed = null;

export function show(title, parts, { update = null, onclose = null } = {}) {
  dialog.replaceChildren(node("h2", { id: "dialog-title" }, ...[title].flat()), ...parts);
  redraw = update;
  closed = onclose;
  if (!dialog.open) dialog.showModal();
}

dialog.addEventListener("close", () => { redraw = null; closed?.(); });
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

export const hide = () => dialog.close();
export const refresh = (picture) => dialog.open && redraw?.(picture);

const button = (text, kind, onclick) => node("button", { class: `act ${kind}`, type: "button", onclick }, text);
const buttons = (...all) => node("div", { class: "buttons" }, ...all);
const cancel = (text = "Close") => node("button", { class: "quiet", type: "button", onclick: hide }, text);

/** Ask before what cannot be taken back; the safe button has the focus. */
export function confirm(title, text, yes, act) {
  show(title, [node("p", {}, text), buttons(cancel("Cancel"), button(yes, "danger", () => { hide(); act(); }))]);
}

/** Ask for the key; `then` goes on with what was begun. */
export function askKey({ link, why, watching, then }) {
  const field = node("input", { type: "password", autocomplete: "off", spellcheck: "false", id: "key-field", required: true });
  const wrong = node("p", { class: "wrong", role: "alert" });
  const form = node("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const answer = await link.tryKey(field.value.trim());
      if (answer === "no") return say(wrong, "That is not a key of this service.");
      hide();
      then?.(answer);
    },
  }, node("label", { for: "key-field" }, "Key", field), wrong,
    buttons(watching ? node("button", { class: "quiet", type: "button", onclick: () => { link.key = null; hide(); } }, "Forget the key") : "", cancel("Cancel"),
      node("button", { class: "act main", type: "submit" }, "Unlock")));
  show("Key", [node("p", {}, why), form]);
  field.focus();
}

export function showBoard(board_id, picture, does) {
  const content = node("div");
  const draw = (now) => {
    const board = now.boards.find((each) => each.board_id === board_id);
    const had = content.contains(document.activeElement) ? document.activeElement.dataset.does : null;
    content.replaceChildren(...(board ? boardParts(board, does) : [node("p", {}, "It is not known any more."), buttons(cancel())]));
    if (had) content.querySelector(`[data-does="${had}"]`)?.focus();
  };
  draw(picture);
  history.replaceState(null, "", `#board-${board_id}`);
  show([mark(board_id), `Board ${board_id}`], [content], { update: draw, onclose: () => history.replaceState(null, "", location.pathname + location.search) });
}

function boardParts(board, does) {
  const facts = [
    ["Charge", board.soc_pct == null ? "not known yet" : `${decimals(board.soc_pct, 1)}\u202f% of ${joules(board.capacity_mJ)}`],
    ["Floor", board.floor_pct == null ? "–" : `stops giving at ${percent(board.floor_pct)}, gives again from ${percent(board.resume_pct)}`],
    ["Power", power(board)],
    ["Rests on", board.contacts?.length ? board.contacts.map((id) => `board ${id}`).join(", ") : "nobody known"],
    ...(board.group ? padFacts(board) : []),
    ["Sent", moved(board, "sent_mJ", "ptx")],
    ["Received", moved(board, "received_mJ", "prx")],
    ["Coil", board.coil_C == null ? "–" : `${decimals(board.coil_C, 1)}\u202f°C`],
    ["Signal", board.rssi_dBm == null ? "–" : `${String(board.rssi_dBm).replace("-", "−")}\u202fdBm${board.radio ? ` by ${board.radio}` : ""}`],
    ["Last word", board.age_s == null ? "–" : board.age_s < 1 ? "just now" : `${span(board.age_s)} ago`],
    ["State", board.state ?? "–"],
  ];
  const faults = board.faults.flatMap((fault) => [node("p", {}, node("b", { class: "wrong" }, `${fault.text}. `), ...typed(`${fault.way_out ?? ""} ${wayOut(fault)}`))]);
  const acts = !does.mayAct() ? [] : [
    ...board.faults.filter((fault) => String(fault.clear_by).startsWith("host")).map((fault) => named("clear", button("Clear fault", "", () => does.clear(board, fault)))),
    board.flow ? named("stop", button(board.group ? "Stop its pad" : "Stop its transfer", "danger", () => does.stopTransfer(board.flow))) : "",
    board.contacts?.length && !board.flow && !board.forbidden ? named("give", button("Give energy", "", () => askGive(board, does))) : "",
    named("forbid", button(board.forbidden ? "Let it in again" : "Keep it out", "", () => does.forbid(board))),
  ];
  return [node("p", {}, board.says), ...faults, node("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [node("dt", {}, name), node("dd", {}, value)])), buttons(...acts, named("close", cancel()))];
}

function power({ power_max_mW, power_allowed_mW }) {
  if (power_max_mW == null) return "–";
  const less = power_allowed_mW != null && power_allowed_mW !== power_max_mW;
  return less ? `at most ${watts(power_allowed_mW)}, built for ${watts(power_max_mW)}` : `at most ${watts(power_max_mW)}`;
}

/** Its meter's last word, and what it moves now, which that does not hold yet. */
function moved(board, key, side) {
  const now = board.flows.filter((flow) => flow[side] === board.board_id);
  return now.length ? `${joules(board[key])} before, ${joules(sum(now, key))} now` : joules(board[key]);
}

/** Who is fed by one pad, how it shares, and what each of them gets. */
function padFacts({ board_id, group, flows }) {
  const { ptx, prxs } = group;
  const each = ptx === board_id ? flows.map((flow) => [`To board ${flow.prx}`, groupSum(flow)]) : [];
  return [["Pad", `board ${ptx} to ${boardsNamed(sorted(prxs))}, ${shareRule(group)}`], ...each, ["Pad in all", groupSum(group)]];
}

const SHARE = 0.05; // of the cell, as a first proposal

/** Ask which neighbour gets how much of a board's energy. */
function askGive(board, does) {
  const most_J = board.capacity_mJ / 1000 || 1;
  const to = node("select", { id: "give-to" }, ...board.contacts.map((id) => node("option", { value: id }, `board ${id}`)));
  const energy = node("input", { id: "give-energy", type: "number", min: "0.1", max: String(most_J), step: "any", required: true, value: String(Math.max(1, Math.round(most_J * SHARE))) });
  const form = node("form", {
    onsubmit: (event) => {
      event.preventDefault();
      hide();
      does.give(board, Number(to.value), Number(energy.value));
    },
  }, node("label", { for: "give-to" }, "To", to), node("label", { for: "give-energy" }, "Joules to send", energy),
    buttons(cancel("Cancel"), node("button", { class: "act main", type: "submit" }, "Ask for it")));
  show([mark(board.board_id), `Board ${board.board_id} gives`], [node("p", {}, "One transfer, beside what the policy wants. Floor, limits and faults hold as ever."), form]);
  energy.focus();
}

function named(name, element) {
  element.dataset.does = name;
  return element;
}

/** `qr_svg` comes from our own service, has no style and no script, and is parsed as XML. */
export function showClass({ link, qr_svg }) {
  const code = new DOMParser().parseFromString(qr_svg, "image/svg+xml").documentElement;
  code.setAttribute("role", "img");
  code.setAttribute("aria-label", "QR code with the address to watch at");
  show("Watch along", [
    node("p", {}, "Pupils scan this with a phone. They see everything and can stop nothing; stopping stays with whoever holds the key."),
    node("div", { class: "qr" }, document.importNode(code, true)),
    node("p", {}, node("code", {}, link)), buttons(cancel())]);
}

export function choosePolicy(names, current, act) {
  const pick = node("select", { id: "policy-pick" }, ...names.map((name) => node("option", { value: name, selected: name === current }, name)));
  show("Another policy", [node("p", {}, "It decides from the next meeting on; running transfers go on."), node("label", { for: "policy-pick" }, "Policy", pick),
    buttons(cancel("Cancel"), button("Use it", "main", () => { hide(); act(pick.value); }))]);
}
