import { AssessmentSession, PendingStore } from './client/index.js';
import { fetchApplication, fetchReceipt, fetchResults, fetchReview, fetchTicket } from './player/api.js';
import { el } from './player/dom.js';
import { finished } from './player/finished.js';
import { introduction } from './player/introduction.js';
import { recall, remember } from './player/tab-memory.js';
import { Taking } from './player/taking.js';
import { count, sentence } from './player/words.js';

const root = document.getElementById('player');
const applicationId = Number(root.dataset.applicationId);
const testId = Number(root.dataset.testId);
const store = await PendingStore.open();
let session = null;
let taking = null;
let application = null; // the facts about it, as of the last look

/** Which screen? That depends on what the server says about the application, and on unsent answers here. */
async function open() {
  const facts = await fetchApplication(applicationId);
  application = facts;
  const last = facts.last_assessment;
  if (facts.open_assessment_id) return goOn(facts.open_assessment_id);
  if (!last) return introduce(facts);
  if ((await store.pending(last.assessment_id)).length > 0) return goOn(last.assessment_id);
  return finish({ ...(await stored(last.assessment_id)), reason: last.status }, facts);
}

function show(node) {
  root.replaceChildren(node);
  root.className = node.className.includes('taking') ? 'wide' : 'page';
  scrollTo(0, 0);
}

function showMessage(title, text, ...actions) {
  show(el('article', { class: 'card message' }, el('h1', { tabindex: '-1' }, title), el('p', {}, text), ...actions));
  root.querySelector('h1').focus({ preventScroll: true });
}

function introduce(facts) {
  show(introduction({ facts, store, testId, start: () => begin((fresh) => fresh.start()) }));
}

function showWaiting() {
  show(el('p', { class: 'waiting', role: 'status', 'data-waiting': true }, 'Going on with your test …'));
}

function goOn(assessmentId) {
  showWaiting();
  // Opened again is not always wanted again: browsers restore and reload tabs by themselves.
  return begin((fresh) => fresh.resume(assessmentId, { attachment: recall(`attachment.${assessmentId}`) }));
}

/** A new session, and the screens that follow from its states. */
function begin(enter) {
  const windowId = recall('window');
  const where = { url: '/ws/assessment', getTicket: fetchTicket, testId, applicationId };
  session = new AssessmentSession({ ...where, store, windowId });
  remember('window', session.windowId);
  session.addEventListener('state', ({ detail }) => SCREENS[detail.state]?.());
  session.addEventListener('completed', ({ detail }) => end(detail));
  session.addEventListener('problem', ({ detail }) => {
    if (detail.fatal && taking) stopped(detail);
  });
  return enter(session);
}

const SCREENS = {
  reconnecting() {
    const waiting = root.querySelector('[data-waiting]');
    if (!waiting) return;
    waiting.textContent = 'There is no connection to the server. Trying again …';
    waiting.hidden = false;
  },
  live() {
    remember(`attachment.${session.assessmentId}`, session.attachment);
    if (taking) return;
    taking = new Taking({ session, store, breaks: application.break_minutes > 0 });
    show(taking.node);
    taking.focus();
  },
  replaced() {
    leaveTaking();
    showMessage(
      'Your test goes on in another window',
      `Only one window at a time can answer; it may be on another device. ${nothingIsLost(session.unsent)}`,
      el('button', { type: 'button', onclick: continueHere }, 'Continue here'),
    );
  },
};

function continueHere() {
  showWaiting();
  const enter = session.assessmentId === null ? session.start() : session.resume();
  enter.catch(stopped);
}

function nothingIsLost(unsent) {
  if (unsent === 0) return 'Nothing is lost.';
  const kept = `${count(unsent, 'answer')} that ${unsent === 1 ? 'was' : 'were'} not sent from here`;
  return `Nothing is lost: this device keeps ${kept}.`;
}

function stopped({ code, message }) {
  if (code === 'attachment_stale') return; // said already, with the way on
  leaveTaking();
  const reload = el('button', { type: 'button', onclick: () => location.reload() }, 'Try again');
  showMessage('The test cannot go on here', sentence(code, message), reload);
}

async function end(completed) {
  // The end stands, also if the network goes in this moment and the rest cannot be had.
  const facts = await fetchApplication(applicationId).catch(() => ({
    can_start: false,
    test_name: session.assessment.test_name,
  }));
  const known = completed.results && completed.receipt ? {} : await stored(session.assessmentId).catch(() => ({}));
  await finish({ ...known, ...withoutNulls(completed) }, facts);
}

async function stored(assessmentId) {
  return { results: await fetchResults(assessmentId), receipt: await fetchReceipt(assessmentId) };
}

function withoutNulls(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

async function finish(completed, facts) {
  const assessmentId = completed.results?.assessment_id ?? session?.assessmentId;
  const review = facts.feedback && facts.feedback !== 'none' ? await fetchReview(assessmentId) : [];
  leaveTaking();
  show(finished({ completed, facts, review, startAgain: () => introduce(facts) }));
  root.querySelector('h1').focus({ preventScroll: true });
}

function leaveTaking() {
  taking?.leave();
  taking = null;
}

addEventListener('beforeunload', (event) => {
  if (session?.unsent > 0 && !store.durable) event.preventDefault();
});

open().catch(({ code, message }) => stopped({ code, message }));
