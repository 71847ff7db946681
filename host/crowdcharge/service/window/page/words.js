// SPDX-License-Identifier: MIT
// PURE: figures and sentences that a person reads. Causes and ways out come from the server.

const THIN = "\u202f"; // a figure and its unit never part

export const watts = (power_mW) => `${(power_mW / 1000).toFixed(2)}${THIN}W`;
export const percent = (value) => (value == null ? "–" : `${Math.round(value)}${THIN}%`);
export const decimals = (value, digits = 2) => (value == null ? "–" : value.toFixed(digits));
export const some = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function joules(energy_mJ) {
  if (energy_mJ == null) return "–";
  const energy_J = energy_mJ / 1000;
  if (energy_J >= 1e6) return `${(energy_J / 1e6).toFixed(2)}${THIN}MJ`;
  if (energy_J >= 1000) return `${(energy_J / 1000).toFixed(2)}${THIN}kJ`;
  return `${energy_J.toFixed(1)}${THIN}J`;
}

export function span(time_s) {
  if (time_s == null) return "–";
  const whole_s = Math.max(0, Math.round(time_s));
  if (whole_s < 60) return `${whole_s}${THIN}s`;
  if (whole_s < 3600) return `${Math.floor(whole_s / 60)}${THIN}min ${whole_s % 60}${THIN}s`;
  return `${Math.floor(whole_s / 3600)}${THIN}h ${Math.floor((whole_s % 3600) / 60)}${THIN}min`;
}

export function clock(time_s) {
  const parts = new Date(time_s * 1000);
  return [parts.getHours(), parts.getMinutes(), parts.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

export const sentence = (text) => {
  const whole = String(text ?? "").trim();
  if (!whole) return "";
  const begun = whole[0].toUpperCase() + whole.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
};

/** One of an earlier run, whose times are not known, does not run any more. */
export const runs = ({ state, started_s, ended_s }) => state === "open" && started_s != null && ended_s == null;

/** Both meters speak of the same moment: until then a sum would count what nobody measured. */
export const bothSpoke = ({ sent_mW, received_mW }) => received_mW > 0 && sent_mW >= received_mW;

export const boardsNamed = (ids) =>
  ids.length === 1 ? `board ${ids[0]}` : `boards ${ids.slice(0, -1).join(", ")} and ${ids.at(-1)}`;
export const sorted = (ids) => [...ids].sort((a, b) => a - b);

const RULES = { equal: "shared equally", need: "shared by need", "first-come": "first come, first served" };
export const shareRule = (group) => RULES[group.group_rule] ?? "shared";

/** Nothing has flowed yet. */
export const begins = ({ sent_mJ, received_mJ }) => !sent_mJ && !received_mJ;

/** What a group sends and what arrives, now. */
export const groupSum = ({ sent_mW, received_mW }) =>
  sent_mW == null || received_mW == null ? "begins" : `${watts(sent_mW)} → ${watts(received_mW)}`;

/** What this is, where it is not simply a crowd of real boards at work. */
export function lead({ mode, speed, state }) {
  if (mode === "replay") return "A past run, as its ledger has it.";
  if (state !== "running") return "No transfer begins until somebody who has the key presses Go on.";
  const pace = speed === 1 ? "" : `, at ${decimals(speed, speed % 1 ? 1 : 0)}× speed`;
  if (mode !== "demo") return pace && `A virtual bench${pace}.`;
  return `A virtual bench: real firmware and radio stack, simulated coils and batteries${pace}.`;
}

/** Where no board is in sight yet: what to do, or what to wait for. */
export const empty = ({ mode }) => mode === "demo"
  ? ["The boards are starting", "Each is a program of its own here. The first shows up within ten seconds."]
  : mode === "replay"
    ? ["The run begins", "No board has spoken yet. Move the slider, or let it play."]
    : ["No board in range yet", "Switch a board on and lay it on another one. It shows up here within ten seconds."];

/** The whole picture in one line. */
export function headline({ run, boards, flows, power }) {
  const here = boards.filter((board) => !board.lost).length;
  const stop = { paused: "Paused: ", stopped: "Stopped: " }[run.state] ?? "";
  const begin = (text) => (stop ? stop + text : text[0].toUpperCase() + text.slice(1));
  if (!here) return begin("no board in sight right now");
  const live = flows.filter(bothSpoke);
  if (!flows.length) return begin(`${some(here, "board")} in range, nobody gives right now`);
  const begun = live.length ? live : flows.filter(begins);
  if (!begun.length) return begin(`${some(here, "board")} in range, no power flows at this moment`);
  const givers = new Set(begun.map((flow) => flow.ptx)).size;
  const takers = new Set(live.map((flow) => flow.prx)).size;
  const to = takers > givers ? ` to ${some(takers, "board")}` : "";
  const verb = givers === 1 ? "board gives" : "boards give";
  if (!live.length) return begin(givers === 1 ? "1 board begins to give" : `${givers} boards begin to give`);
  return begin(`${givers} ${verb} ${watts(power.sent_mW)}${to}, ${watts(power.received_mW)} arrive`);
}

export const sum = (items, key) => items.reduce((total, item) => total + (item[key] ?? 0), 0);

/** What one board does now, or why it does nothing. */
export function doing(board) {
  const { flow } = board;
  if (board.fault) return sentence(board.fault.text);
  if (board.lost) return board.soc_pct == null ? "Out of sight." : "Out of sight; this is its last known charge.";
  if (flow) {
    const gives = flow.ptx === board.board_id;
    const power_mW = sum(board.flows, gives ? "sent_mW" : "received_mW");
    const others = gives ? sorted(board.flows.map((each) => each.prx)) : [flow.ptx];
    const way = `${gives ? "to" : "from"} ${boardsNamed(others)}`;
    if (!others[0]) return "Looks for who rests on it.";
    if (!power_mW && sum(board.flows, gives ? "received_mW" : "sent_mW")) return `${gives ? "Gives" : "Receives"} ${way}.`; // the other side's word is newer
    if (!power_mW) return begins(flow) ? `Begins to ${gives ? "give" : "receive"} ${way}.` : `No power ${way} at this moment.`;
    return `${gives ? "Gives" : "Receives"} ${watts(power_mW)} ${way}.`;
  }
  if (board.forbidden) return "Kept out by the operator.";
  if (board.show === "floor") return atFloor(board);
  if (board.waits) return sentence(board.waits);
  return board.soc_pct == null ? "Just came; its charge is not known yet." : "Ready.";
}

const atFloor = (board) =>
  `At its floor of ${percent(board.floor_pct)}; gives again from ${percent(board.resume_pct)}.`;

/** A notice: what stands, what to do. */
export function notice(kind, board, lease_s) {
  const name = `Board ${board.board_id}`;
  if (kind === "fault")
    return { title: `${name} stopped: ${lower(board.fault.text)}.`, text: sentence(board.fault.way_out) };
  if (kind === "warning")
    return { title: `${name} warns: ${lower(board.warning.text)}.`, text: sentence(board.warning.way_out) };
  if (kind === "lost")
    return {
      title: `${name} is out of sight.`,
      text: lease_s == null
        ? "Its coil goes off by itself when its lease ends."
        : `Its coil is off by itself at most ${decimals(lease_s, 0)}${THIN}s after the last word.`,
    };
  return {
    title: `${name} is at its floor of ${percent(board.floor_pct)}.`,
    text: `It gives again from ${percent(board.resume_pct)}.`,
  };
}

const lower = (text) => String(text).replace(/[.\s]+$/, "").replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase());

/** Who can end a fault, in words. */
export function wayOut(fault) {
  const by = String(fault.clear_by ?? "");
  if (by.startsWith("host")) return "It can be cleared here.";
  if (by === "button" || by === "person") return "It is cleared at the board: press its button. No host can do that from afar.";
  if (by === "repair") return "It is cleared at the board, after the repair.";
  return "It goes by itself with its cause.";
}

/** One line of what happened, or null for what only changes the picture. */
export function told(record, { cause, way = () => "Settled" }) {
  const board = `Board ${record.board_id}`;
  const why = (name) => lower(record.text ?? cause(record, name));
  switch (record.event) {
    case "BoardSeen": return line(`${board} is in sight.`);
    case "BoardLost": return line(`${board} is out of sight.`, "warn");
    case "TransferStarted":
      return line(record.prx
        ? `Board ${record.ptx}${record.group_id ? ", a pad," : ""} begins to give to board ${record.prx}, up to ${joules(record.energy_max_mJ)}.`
        : `Board ${record.ptx} looks for who rests on it.`);
    case "TransferEnded": {
      const name = record.ept_ptx === "PEER_ENDED" ? record.ept_prx : record.ept_ptx;
      const bad = name === "FLOOR" ? "warn" : "";
      return line(`Board ${record.ptx} to ${record.prx} ended: ${name == null ? "one side could not be asked" : why(name)}.`, bad);
    }
    case "Settled":
      return record.sent_mJ
        ? line(`${way(record)}: ${joules(record.sent_mJ)} sent, ${joules(record.received_mJ)} arrived, ${joules(record.loss_mJ)} lost.`, "good")
        : null;
    case "Refused": return line(`${board} said no: ${why(record.name)}.`, "warn");
    case "FaultRaised": return record.stops === false
      ? line(`${board} warns: ${why(record.name)}.`, "warn")
      : line(`${board} stopped: ${why(record.name)}.`, "bad");
    case "FaultCleared": return line(`${board} is clear again: ${why(record.name)}.`);
    case "MarketCleared": return line(`The market cleared at ${decimals(record.price, 4)} credits/Wh.`);
    case "Paid": return line(`Board ${record.payer} pays board ${record.payee} ${decimals(record.amount_u / 1e6, 6)} credits.`);
    case "Trouble": return line(sentence(record.board_id ? `${board}: ${record.text}` : record.text), "warn");
    case "Note": return line(sentence(record.text));
    default: return null;
  }
}

const line = (text, tone = "") => ({ text, tone });

/** The state of the link to the service. */
export function linkWords({ kind, age_s, asOf_s }) {
  if (kind === "live") return "Live";
  if (kind === "locked") return "Needs its key";
  if (asOf_s == null) return "Connecting…";
  return `No word for ${span(age_s)}; this is as of ${clock(asOf_s)}`;
}
