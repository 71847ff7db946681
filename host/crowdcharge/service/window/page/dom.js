// SPDX-License-Identifier: MIT
// Nodes in a line, and writes that touch the document only when something has changed.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function node(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null && child !== ""));
  return element;
}

export const glyph = (name) =>
  drawn("svg", { class: "glyph", "aria-hidden": "true" }, drawn("use", { href: `#g-${name}` }));

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function set(element, name, value) {
  if (value == null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Set the glyph and the words of a button of the bar. */
export function dress(button, name, text) {
  set(button.querySelector("use"), "href", `#g-${name}`);
  say(button.querySelector("span"), text);
  set(button, "aria-label", text);
  set(button, "title", text);
}

/** Text in which `backticks` mark what is typed. */
export const typed = (text) => text.split("`").map((part, i) => (i % 2 ? node("code", {}, part) : part));

/** Keep one child for each key, in the order given: reuse, make and remove. */
export function keyed(parent, items, keyOf, make, update) {
  const had = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const key = String(keyOf(item));
    let child = had.get(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    had.delete(key);
    if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
    update?.(child, item);
  });
  for (const child of had.values()) child.remove();
}
