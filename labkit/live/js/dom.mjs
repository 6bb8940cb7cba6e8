// Making the tree once, and writing into it without replacing nodes.

/** make("button", {class: "lk", onclick: f}, "text", child) */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** An element with one text node; `say` changes the node's text (no node is replaced). */
export function words(tag, attributes = {}, text = "") {
  const element = make(tag, attributes);
  const node = document.createTextNode(text);
  element.append(node);
  element.say = (now) => {
    if (node.data !== now) node.data = now;
  };
  return element;
}

/** Set or, for null, remove an attribute; untouched when equal. */
export function mark(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

let count = 0;
/** A page-wide unique id. */
export function freshId() {
  count += 1;
  return `lk-${Date.now().toString(36)}-${count}`;
}
