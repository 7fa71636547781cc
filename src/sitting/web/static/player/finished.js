import { el } from './dom.js';
import { authored } from './question-text.js';
import { count, moment, number } from './words.js';

const TITLES = {
  submitted: 'Your test is handed in',
  completed: 'Your test is handed in',
  timeout: 'Time is up, and your answers are handed in',
  ended_by_invigilator: 'Your test was ended by an invigilator',
  voided: 'This attempt was declared void',
};

/**
 * What stands after the end. `completed`: data of `assessment_completed`; `facts`: the application as it is now;
 * `review`: the paper with what is right, empty where that is not shown.
 */
export function finished({ completed, facts, review, startAgain }) {
  const results = completed.results ?? {};
  const left = facts.max_attempts - facts.attempts_used;
  return el(
    'article',
    { class: 'card finished' },
    el('p', { class: 'eyebrow' }, facts.test_name),
    el('h1', { tabindex: '-1' }, TITLES[completed.reason] ?? TITLES[results.status] ?? 'This test is over'),
    verdict(results),
    ...table(results),
    results.skills?.length ? skills(results.skills) : null,
    compliance(results.scheduler_compliance),
    review.length ? reviewed(review) : null,
    receipt(results, completed.receipt),
    facts.can_start ? el('p', { class: 'note' }, `You may try again: ${count(left, 'attempt')} left.`) : null,
    facts.can_start
      ? el('button', { type: 'button', class: 'quiet', onclick: startAgain }, 'Go to the next attempt')
      : null,
  );
}

function verdict({ percentage_score: percentage, passed, total_score: score, max_score: most }) {
  if (percentage === undefined || percentage === null)
    return el('p', {}, 'Your answers are stored. Whoever invited you will tell you the result.');
  return el(
    'div',
    { class: 'verdict', 'data-passed': String(passed ?? '') },
    el('span', { class: 'percentage' }, `${number(percentage)} %`),
    el(
      'span',
      {},
      passed === undefined || passed === null ? '' : passed ? 'Passed' : 'Not passed',
      el('small', {}, `${number(score)} of ${number(most)} points`),
    ),
  );
}

function table(results) {
  const { answered_questions: answered, total_questions: total, correct_answers: correct, attempt } = results;
  const rows = [
    ['Answered', answered !== undefined && `${answered} of ${total}`],
    ['Correct', known(correct) && `${correct} of ${total}`],
    ['Started', results.started_at && moment(results.started_at)],
    ['Ended', results.end_time && moment(results.end_time)],
    ['Time taken', known(results.time_taken_minutes) && count(number(results.time_taken_minutes), 'minute')],
    ['Attempt', known(attempt) && String(attempt)],
  ];
  const shown = rows
    .filter(([, value]) => value)
    .map(([name, value]) => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, value)));
  return shown.length ? [el('h2', {}, 'Your attempt'), el('table', {}, el('tbody', {}, ...shown))] : [];
}

function skills(list) {
  const head = el('tr', {}, ...['Skill', 'Correct', 'Score'].map((name) => el('th', { scope: 'col' }, name)));
  const rows = list.map(({ skill, questions, correct, score_percentage: score }) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, skill),
      el('td', {}, `${correct} of ${questions}`),
      el('td', {}, `${number(score)} %`),
    ),
  );
  return el('table', {}, el('caption', {}, 'By skill'), el('thead', {}, head), el('tbody', {}, ...rows));
}

function reviewed(responses) {
  return el(
    'section',
    { class: 'review' },
    el('h2', {}, 'Your answers'),
    el('ol', {}, ...responses.map((response) => el('li', {}, ...reviewedOne(response)))),
  );
}

function reviewedOne({ text, text_html: html, explanation, explanation_html: why, ...response }) {
  const { is_correct: isCorrect, selected_text: given, correct_text: right, credit } = response;
  const verdict = given === null ? 'Not answered' : isCorrect ? 'Right' : credit > 0 ? 'Partly right' : 'Not right';
  return [
    el('div', { class: 'question-text' }, ...authored({ text, html })),
    el('p', { class: 'verdict-line', 'data-correct': String(Boolean(isCorrect)) }, el('strong', {}, verdict)),
    given === null ? null : line('Your answer', given, response.selected_html),
    isCorrect ? null : line('The right answer', right, response.correct_html),
    explanation ? el('div', { class: 'explanation' }, ...authored({ text: explanation, html: why })) : null,
  ].filter(Boolean);
}

/** `html`: the chosen options, one by one; empty for what was typed. */
function line(name, text, html) {
  if (!html?.length) return el('p', {}, `${name}: `, el('span', {}, text));
  const parts = html.map((one) => el('span', { class: 'answered' }, ...authored({ html: one })));
  return el('p', {}, `${name}: `, ...parts.flatMap((part, at) => (at ? ['; ', part] : [part])));
}

function compliance(found) {
  if (!found) return null;
  const items = [
    ...[found.notes].flat(),
    ...(found.time_credits ?? []).map((credit) => `${count(credit.seconds, 'second')} given back: ${credit.reason}`),
  ];
  return el(
    'section',
    {},
    el('h2', {}, 'Timing'),
    el('ul', {}, ...items.filter(Boolean).map((text) => el('li', {}, text))),
  );
}

function receipt({ assessment_id: assessmentId }, signed) {
  if (!signed?.signature) return null;
  const rows = [
    ['Assessment', signed.assessment_id ?? assessmentId],
    ['Last entry', signed.seq],
    ['Head of the log', signed.head],
    ['Signature', signed.signature],
    ['Key', signed.key_id],
  ];
  return el(
    'details',
    { class: 'receipt' },
    el('summary', {}, 'Receipt'),
    el(
      'p',
      {},
      'This proves what the server had stored at the end. Keep a copy if you want to be able to check it later.',
    ),
    el('dl', {}, ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
  );
}

function known(value) {
  return value !== undefined && value !== null;
}
