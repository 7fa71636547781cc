import assert from 'node:assert/strict';
import { state, until } from './support/candidate.js';
import { promise } from './support/rig.js';
import { refuseStale } from './support/scripted-server.js';

const stale = { code: 'attachment_stale' };
const claims = (server, type) => server.sent(type).map(({ data }) => [data.window_id, data.attachment]);
const given = (server, questionId) => server.responses.get(questionId)?.selected_option;

/** A session whose connection is lost, and does not come back before `online(session)`. */
async function offline(server, open, options = {}) {
  const session = await open({ backoff: { base: 3_600_000, cap: 3_600_000, random: () => 0.999 }, ...options });
  await session.start();
  const down = state(session, 'reconnecting');
  server.cutAll();
  await down;
  return session;
}

const online = (session) => session.signals.dispatchEvent(new Event('online'));

promise('a window that was offline during a takeover is told, and does not take it back', async ({ server, open }) => {
  const session = await offline(server, open);
  server.takeOver();
  const { holder } = server;
  const refused = assert.rejects(session.answer('q_1', 'o_a'), stale);
  await until(() => session.unsent === 1);
  const replaced = state(session, 'replaced');
  online(session);
  await Promise.all([refused, replaced]);
  assert.equal(server.holder, holder);
  assert.equal(server.responses.size, 0);
  assert.equal(session.answerTo('q_1').status, 'pending');
  assert.equal(session.unsent, 1);
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal(server.connections, 2);
});

promise('its unsent answers arrive once the candidate continues there', async ({ server, open }) => {
  const session = await offline(server, open);
  server.takeOver();
  const refused = Promise.all([
    assert.rejects(session.answer('q_1', 'o_a'), stale),
    assert.rejects(session.answer('q_2', 'o_b'), stale),
  ]);
  await until(() => session.unsent === 2);
  online(session);
  await refused;
  await session.resume();
  assert.equal(session.state, 'live');
  assert.equal(server.holder.window_id, session.windowId);
  assert.deepEqual([given(server, 'q_1'), given(server, 'q_2')], ['o_a', 'o_b']);
  assert.equal(session.unsent, 0);
});

promise('a start and a wish to continue name no attachment, a coming back names the last one', async (rig) => {
  const { server, open } = rig;
  const session = await open({ windowId: 'w_mine' });
  await session.start();
  const { attachment } = session;
  const live = state(session, 'live');
  server.cutAll();
  await live;
  server.takeOver();
  server.on('submit_answer', ({ socket }) => socket.close(4009));
  await session.answer('q_1', 'o_a').catch(() => {});
  await session.resume();
  assert.deepEqual(claims(server, 'start_assessment'), [['w_mine', undefined]]);
  assert.deepEqual(claims(server, 'resume_assessment'), [
    ['w_mine', attachment],
    ['w_mine', undefined],
  ]);
});

promise('a wish to continue whose reply was lost is not wished again against a newer window', async (rig) => {
  const { server, open } = rig;
  const session = await offline(server, open);
  server.takeOver();
  online(session);
  await state(session, 'replaced');
  server.on('resume_assessment', ({ socket }) => {
    server.takeOver(session.windowId);
    server.takeOver('w_third');
    socket.terminate();
  });
  const refused = assert.rejects(session.resume(), stale);
  await state(session, 'reconnecting');
  online(session);
  await refused;
  assert.equal(server.holder.window_id, 'w_third');
  assert.equal(session.state, 'replaced');
});

promise('a wish to continue whose reply was lost is found fulfilled', async ({ server, open }) => {
  const session = await open();
  server.on('resume_assessment', ({ socket }) => {
    server.takeOver(session.windowId);
    socket.terminate();
  });
  await session.resume(7);
  assert.deepEqual(
    claims(server, 'resume_assessment').map(([, attachment]) => attachment),
    [undefined, 0],
  );
  assert.equal(session.state, 'live');
});

promise('a start whose reply was lost does not take the test from a window opened since', async ({ server, open }) => {
  const session = await open();
  server.on('start_assessment', ({ socket }) => {
    server.takeOver(session.windowId);
    server.takeOver();
    socket.terminate();
  });
  await assert.rejects(session.start(), stale);
  assert.equal(server.holder.window_id, 'w_other');
  await session.start();
  assert.equal(session.state, 'live');
});

promise('an answer refused since another window has the test is not given up', async ({ server, open }) => {
  const session = await open();
  await session.start();
  server.on('submit_answer', ({ socket, message }) => refuseStale(socket, message.id));
  await assert.rejects(session.answer('q_1', 'o_a'), stale);
  await until(() => session.state === 'replaced');
  assert.equal((await session.store.pending(7)).length, 1);
  assert.equal(session.answerTo('q_1').status, 'pending');
  await session.resume();
  assert.equal(given(server, 'q_1'), 'o_a');
});

promise('a flag refused since another window has the test is set once the candidate continues', async (rig) => {
  const { server, open } = rig;
  const session = await open();
  await session.start();
  server.on('flag_question', ({ socket, message }) => refuseStale(socket, message.id));
  assert.equal(await session.flag('q_2', true), false);
  await until(() => session.state === 'replaced');
  await session.resume();
  await until(() => server.sent('flag_question').length === 2);
  assert.equal(session.isFlagged('q_2'), true);
});

promise('an answer typed before the candidate read that the test goes on elsewhere is kept', async (rig) => {
  const { server, open } = rig;
  const session = await offline(server, open);
  server.takeOver();
  online(session);
  await state(session, 'replaced');
  await assert.rejects(session.answer('q_3', 'o_c'), stale);
  assert.equal(session.unsent, 1);
  assert.equal(server.connections, 2);
  await session.resume();
  assert.equal(given(server, 'q_3'), 'o_c');
});

promise('a reload of the window that lost the test is told again; of the one that has it, let in', async (rig) => {
  const { server, open } = rig;
  const first = await open({ windowId: 'w_mine' });
  await first.start();
  const { name, attachment } = first;
  first.stop();
  const again = await open({ name, windowId: 'w_mine' });
  await again.resume(7, { attachment });
  again.stop();
  server.takeOver();
  const reloaded = await open({ name, windowId: 'w_mine' });
  await reloaded.store.put(7, 'q_1', 'o_a');
  await assert.rejects(reloaded.resume(7, { attachment: again.attachment }), stale);
  assert.equal(reloaded.state, 'replaced');
  assert.equal(reloaded.unsent, 1);
  assert.equal(server.responses.size, 0);
  await reloaded.resume();
  assert.equal(given(server, 'q_1'), 'o_a');
});

promise('an assessment that ended after a takeover is told with its end', async ({ server, open }) => {
  const session = await offline(server, open);
  server.takeOver();
  server.status = 'completed';
  online(session);
  await state(session, 'over');
  assert.equal(session.result.results.status, 'completed');
});
