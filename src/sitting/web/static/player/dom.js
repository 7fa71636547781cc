/** An element. `props`: attributes, `onclick` and the like are listeners; null, undefined and false are left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Sets the text only if it differs, so that live regions speak when something changed and not otherwise. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A region that only screen readers notice. */
export function announcer() {
  const node = el('div', { class: 'unseen', 'aria-live': 'polite' });
  return { node, say: (text) => setText(node, text) };
}
