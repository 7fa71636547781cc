// Controls without a name, images without a description, references into nothing, levels of headings that are skipped,
// regions that are read out each second, contrasts below WCAG's AA.
() => {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)].filter((node) => node.checkVisibility());
  const told = (node) => `${node.outerHTML.slice(0, 80)} …`;
  const text = (ids) => ids.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ');

  const name = (node) =>
    node.getAttribute('aria-label') ||
    text(node.getAttribute('aria-labelledby') ?? '') ||
    [...(node.labels ?? [])].map((label) => label.textContent).join(' ') ||
    node.textContent;
  for (const node of all('button, input, select, textarea, a[href], summary, fieldset, section, aside, nav, dialog')) {
    const isNamed = node.matches('section, fieldset') ? node.matches('[aria-label], [aria-labelledby]') : true;
    if (isNamed && !name(node).trim()) found.push(`no name: ${told(node)}`);
  }
  for (const node of all('fieldset')) if (!node.matches('[aria-labelledby]')) found.push(`no name: ${told(node)}`);
  for (const node of all('img')) if (!node.alt.trim()) found.push(`no description: ${told(node)}`);

  const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) found.push(`two of #${id}`);
  for (const attribute of ['aria-labelledby', 'aria-describedby'])
    for (const node of document.querySelectorAll(`[${attribute}]`))
      for (const id of node.getAttribute(attribute).split(/\s+/))
        if (!ids.includes(id)) found.push(`#${id} is not there: ${told(node)}`);

  let level = 0;
  for (const node of all('h1, h2, h3, h4, h5, h6')) {
    const next = Number(node.tagName[1]);
    if (next > level + 1) found.push(`h${next} behind h${level}: ${told(node)}`);
    level = next;
  }
  for (const node of all('[role=timer]')) if (node.ariaLive !== 'off') found.push(`reads each second: ${told(node)}`);

  const channels = (color) => (color.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    const [, , , alpha = 1] = channels(color);
    return alpha === 1 || !node.parentElement ? color : ground(node.parentElement);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest(':disabled, .unseen')) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(node);
    const [light, dark] = [luminance(color), luminance(ground(node))].sort((a, b) => b - a);
    const isLarge = parseFloat(fontSize) >= (Number(fontWeight) >= 700 ? 18.66 : 24);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${told(node)}`);
  }
  return found;
}
