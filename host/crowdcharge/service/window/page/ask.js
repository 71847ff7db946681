// SPDX-License-Identifier: MIT
// Requests to the service with the key of this tab, and its refusals in plain words.

const API = "api/v1/";
const KEY = "crowdcharge-key";

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service answered ${status}`);
    this.status = status;
    this.busy = Boolean(problem.busy); // the board is at work, and will be free
  }
}

export const keptKey = () => sessionStorage.getItem(KEY);

export function keepKey(value) {
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

/** The service's answer, or a Refusal. */
export async function ask(path, { headers = {}, ...options } = {}, key = keptKey()) {
  const answer = await fetch(API + path, {
    cache: "no-store", ...options, headers: key ? { ...headers, Authorization: `Bearer ${key}` } : headers,
  });
  if (answer.ok) return answer;
  throw new Refusal(answer.status, await answer.json().catch(() => ({})));
}

/** Try until the board is free, at most so long; `waits` is called each time that it was not. */
export async function patiently(attempt, waits, most_ms = Infinity) {
  for (const began_ms = performance.now(); ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!error.busy || performance.now() - began_ms > most_ms) throw error;
      waits();
      await new Promise((go) => setTimeout(go, 300));
    }
  }
}

export const post = (path, body, key = keptKey()) => ask(
  path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }, key,
);
