// SPDX-License-Identifier: MIT
// An owner's page: the form becomes terms, they are signed here, and the service carries them.

import { Refusal, keepKey, keptKey, patiently, post } from "./ask.js";
import { byId, say, set } from "./dom.js";
import { ASK_FIRST, FRIENDS_MAX, HIDDEN, WHOM, hex, proves, signed, unhex } from "./mandate.js";

const OWNER = "crowdcharge-owner"; // in this tab only
const ENERGY_MAX_mJ = 0xffffffff;
const form = byId("form");

class Wrong extends Error {
  constructor(field, text) {
    super(text);
    this.field = field;
  }
}

/** `#owner=KEY&board=7&view=TOKEN` fills the form from a QR code; no server sees what is behind #. */
function takeFromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (![...given].length) return;
  history.replaceState(null, "", location.pathname + location.search);
  if (given.get("owner")) sessionStorage.setItem(OWNER, given.get("owner"));
  if (given.get("view")) keepKey(given.get("view"));
  if (given.get("board")) byId("board").value = given.get("board");
}

function number(id, { of = 1, needed = false } = {}) {
  const field = byId(id);
  if (!field.checkValidity() || (needed && field.value === ""))
    throw new Wrong(field, `${field.labels[0].firstChild.data.trim()}: ${field.min} to ${field.max}.`);
  return field.value === "" ? 0 : Math.round(Number(field.value) * of);
}

function energy_mJ(id) {
  const found = number(id, { of: 3600 * 1000 });
  if (found > ENERGY_MAX_mJ) throw new Wrong(byId(id), "At most 1193 Wh.");
  return found;
}

function friends() {
  const field = byId("friends");
  const named = new Set(field.value.split(/[\s,]+/).filter(Boolean).map(Number));
  const wanted = form.querySelector("[value=friends]").checked;
  if ([...named].some((each) => !(each >= 1 && each <= 65534) || each % 1)) throw new Wrong(field, "Friends are numbers of boards, 1 to 65534.");
  if (named.size > FRIENDS_MAX) throw new Wrong(field, `At most ${FRIENDS_MAX} friends.`);
  if (wanted !== named.size > 0) throw new Wrong(field, "Tick friends and name them, or neither.");
  return [...named].sort((a, b) => a - b);
}

function minutes() {
  const [from, to] = [byId("from"), byId("to")];
  if (!from.value && !to.value) return [0, 0];
  if (!from.value || !to.value || from.value === to.value) throw new Wrong(from, "Both hours, and not the same.");
  return [from, to].map(({ value }) => Number(value.slice(0, 2)) * 60 + Number(value.slice(3, 5)));
}

function ownerKey() {
  const found = /^[^#]*?\b([0-9a-f]{64})\b/i.exec(byId("key").value);
  if (!found) throw new Wrong(byId("key"), "An owner key has 64 hexadecimal digits; crowdcharge owner create makes one.");
  sessionStorage.setItem(OWNER, found[1]);
  return unhex(found[1]);
}

/** What is new each time that it is signed: the board takes a higher number only, and sets its clock. */
function moment() {
  const now = new Date();
  return { number: Math.floor(now.getTime() / 1000), now_min: now.getHours() * 60 + now.getMinutes() };
}

function terms() {
  const ticked = (name) => form.elements[name].checked;
  const [from_min, to_min] = minutes();
  return {
    board_id: number("board", { needed: true }),
    gives_to: [...form.querySelectorAll("[name=whom]:checked")].reduce((sum, each) => sum + WHOM[each.value], 0),
    day_max_mJ: energy_mJ("day"),
    floor_pct: number("floor"),
    flags: ASK_FIRST * ticked("ask") + HIDDEN * ticked("hide"),
    from_min,
    to_min,
    wants_mJ: energy_mJ("energy"),
    wants_permille: number("wants", { of: 10, needed: true }),
    wants_min: number("hours", { of: 60 }),
    friends: friends(),
  };
}

async function carried(words) {
  const typed = byId("token").value.trim();
  try {
    const answer = await post("mandates", { signed: hex(words) }, typed || keptKey());
    if (typed) keepKey(typed);
    return await answer.json().catch(() => ({}));
  } catch (error) {
    if (!(error instanceof Refusal)) throw new Error("The service does not answer.");
    if (error.status !== 401) throw error;
    set(byId("token-line"), "hidden", null);
    throw new Wrong(byId("token"), "The service asks for its own key first; who runs it has one to watch.");
  }
}

async function send() {
  const [made, key] = [terms(), ownerKey()];
  let words;
  const { proof } = await patiently(
    async () => carried((words = await signed(key, { ...made, ...moment() }))),
    () => say(byId("done"), `Board ${made.board_id} is at work. It gets this as soon as it is free; keep this page open.`),
  );
  if (!await proves(key, words, unhex(String(proof ?? ""))))
    throw new Error(`Board ${made.board_id} did not prove that it took this. It may not have arrived.`);
  say(byId("done"), `Board ${made.board_id} obeys it.`);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = byId("send");
  for (const field of form.querySelectorAll("[aria-invalid]")) set(field, "aria-invalid", null);
  for (const id of ["wrong", "done"]) say(byId(id), "");
  button.disabled = true;
  try {
    await send();
  } catch (error) {
    say(byId("done"), "");
    say(byId("wrong"), error.message);
    if (error.field) set(error.field, "aria-invalid", "true");
    error.field?.focus();
  }
  button.disabled = false;
});
byId("file").addEventListener("change", async ({ target }) => {
  byId("key").value = (await target.files[0]?.text() ?? "").trim();
  target.value = "";
});
byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(OWNER);
  byId("key").value = "";
});
addEventListener("hashchange", () => { takeFromAddress(); byId("key").value = sessionStorage.getItem(OWNER) ?? ""; });

takeFromAddress();
byId("key").value = sessionStorage.getItem(OWNER) ?? "";
set(byId("unsafe"), "hidden", Boolean(globalThis.crypto?.subtle));
set(byId("send"), "disabled", !globalThis.crypto?.subtle);
