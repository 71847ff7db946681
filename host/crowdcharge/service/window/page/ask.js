// SPDX-License-Identifier: MIT
// Requests to the service with the key of this tab, and its refusals in plain words.

const API = "api/v1/";
const KEY = "crowdcharge-key";

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service answered ${status}`);
    this.status = status;
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

export const post = (path, body, key = keptKey()) => ask(
  path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }, key,
);
