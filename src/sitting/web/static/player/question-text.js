import { el } from './dom.js';

/** What an author wrote, as nodes: the HTML that the server made of it, or the text as it is. */
export function authored({ html, text }) {
  if (!html) return [el('span', {}, text)];
  const template = document.createElement('template');
  template.innerHTML = html; // rendered and cleaned by the server
  return [...template.content.childNodes];
}
