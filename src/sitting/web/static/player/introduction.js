import { deviceCheck } from './device-check.js';
import { el } from './dom.js';
import { sentence, showLocalTimes } from './words.js';

/**
 * Facts, device check and the button that starts. `start()` begins the assessment; what it rejects with is shown.
 */
export function introduction({ facts, store, testId, start }) {
  const body = document.getElementById('introduction').content.cloneNode(true);
  showLocalTimes(body);
  const button = el('button', { type: 'button', disabled: true, onclick: press }, 'Start the test');
  const message = el('p', { class: 'note bad', role: 'alert', hidden: true });
  const waiting = el('p', { class: 'note warn', role: 'status', 'data-waiting': true, hidden: true });
  const check = deviceCheck({ store, testId });
  if (!facts.can_start) return closed(body, sentence(facts.reason, 'This test cannot be started now.'));
  check.run((passed) => {
    button.disabled = !passed;
  });

  async function press() {
    message.hidden = waiting.hidden = true;
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    try {
      await start();
    } catch (error) {
      message.textContent = sentence(error.code, error.message);
      message.hidden = false;
      waiting.hidden = true;
      button.disabled = false;
    }
    button.removeAttribute('aria-busy');
  }

  return el(
    'article',
    { class: 'card introduction' },
    body,
    el('h2', {}, 'Your device'),
    check.node,
    message,
    waiting,
    button,
  );
}

function closed(body, text) {
  body.querySelector('h2').remove();
  body.querySelector('.rules').remove();
  return el('article', { class: 'card introduction' }, body, el('p', { class: 'note bad', role: 'alert' }, text));
}
