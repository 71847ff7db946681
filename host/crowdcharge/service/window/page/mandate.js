// SPDX-License-Identifier: MIT
// What an owner signs, byte for byte as wptcore/mandate.py packs it. The key stays in the browser.

export const WHOM = { host: 1, crowd: 2, agreed: 4, friends: 8, strangers: 16 };
export const ASK_FIRST = 1;
export const HIDDEN = 2;
export const FRIENDS_MAX = 8;
const VERSION = 1;
const TAG_SIZE = 16;
const BODY_SIZE = 44;
// The fields in their order, and how many bytes each has; numbers are little-endian.
const LAYOUT = [
  ["board_id", 2], ["number", 4], ["gives_to", 1], ["day_max_mJ", 4], ["floor_pct", 1], ["flags", 1],
  ["now_min", 2], ["from_min", 2], ["to_min", 2], ["wants_mJ", 4], ["wants_permille", 2], ["wants_min", 2],
];

const bytesOf = (words) => new TextEncoder().encode(words);
const little = (value, size) => Array.from({ length: size }, (_, place) => Math.floor(value / 256 ** place) % 256);
export const hex = (bytes) => [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
export const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

async function hmac(key, ...parts) {
  const taken = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const message = new Uint8Array(await new Blob(parts).arrayBuffer());
  return new Uint8Array(await crypto.subtle.sign("HMAC", taken, message));
}

const boardKey = (ownerKey, board_id) => hmac(ownerKey, bytesOf("crowdcharge owner board"), Uint8Array.from(little(board_id, 2)));
const tag = async (key, ...parts) => (await hmac(key, ...parts)).slice(0, TAG_SIZE);

function packed(terms) {
  const friends = Array.from({ length: FRIENDS_MAX }, (_, place) => little(terms.friends[place] ?? 0, 2));
  return Uint8Array.from([VERSION, ...LAYOUT.flatMap(([name, size]) => little(terms[name], size)), ...friends.flat()]);
}

/** The bytes that travel: `terms` has every field of LAYOUT, and `friends`. */
export async function signed(ownerKey, terms) {
  const body = packed(terms);
  const key = await boardKey(ownerKey, terms.board_id);
  return Uint8Array.from([...body, ...await tag(key, bytesOf("crowdcharge mandate"), body)]);
}

/** Whether the board itself says that these words stand. */
export async function proves(ownerKey, words, proof) {
  if (words.length !== BODY_SIZE + TAG_SIZE) return false;
  const board_id = words[1] + 256 * words[2];
  const key = await boardKey(ownerKey, board_id);
  return hex(await tag(key, bytesOf("crowdcharge mandate taken"), words.slice(1, 7))) === hex(proof);
}
