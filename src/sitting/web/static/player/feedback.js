import { el } from './dom.js';
import { authored } from './question-text.js';

const WITH_PARTS = new Set(['multiple_response', 'numeric', 'short_text']); // may bring a part of the points

/** What is said about an answer, as nodes. `question`: as it was shown, to name its options. */
export function feedbackNote(feedback, question) {
  if (!feedback) return [];
  const { correct, explanation, explanation_html: html, option_feedback: said = [] } = feedback;
  const wrong = WITH_PARTS.has(question?.type) ? 'Not fully right.' : 'Not right.';
  return [
    el(
      'div',
      { class: 'feedback', 'data-correct': String(correct) },
      el('p', { class: 'verdict-line', 'data-correct': String(correct) }, el('strong', {}, correct ? 'Right.' : wrong)),
      ...said.map((option) => aboutOption(option, question)),
      correct ? null : rightAnswer(feedback, question),
      explanation ? el('div', { class: 'explanation' }, ...authored({ text: explanation, html })) : null,
    ),
  ];
}

// Where several were chosen, it must be said which one is meant.
function aboutOption(said, question) {
  const option = question?.type === 'multiple_response' && question.options.find(({ id }) => id === said.id);
  return el('p', {}, ...(option ? [...authored(option), ': '] : []), ...authored(said));
}

function rightAnswer({ correct_options: ids = [], correct_text: words }, question) {
  const options = (question?.options ?? []).filter(({ id }) => ids.includes(id));
  if (options.length < 2)
    return el('p', {}, 'The right answer: ', ...(options.length ? authored(options[0]) : [words ?? '']));
  return el(
    'div',
    {},
    el('p', {}, 'The right answers:'),
    el('ul', {}, ...options.map((option) => el('li', {}, ...authored(option)))),
  );
}
