import { el } from './dom.js';

/** A question's text as nodes: lines indented by four spaces or more are code, as in Markdown. */
export function questionText(text) {
  const blocks = [];
  for (const line of text.split('\n')) {
    const isCode = line.startsWith('    ');
    const last = blocks.at(-1);
    // An empty line belongs to the block around it; what is behind it decides which that is.
    if (last && (last.isCode === isCode || line.trim() === '')) last.lines.push(line);
    else blocks.push({ isCode, lines: [line] });
  }
  return blocks.map(({ isCode, lines }) => (isCode ? code(lines) : el('span', {}, lines.join('\n').trim())));
}

function code(lines) {
  const text = lines
    .map((line) => line.slice(4))
    .join('\n')
    .trimEnd();
  return el('code', { class: 'block' }, text);
}
