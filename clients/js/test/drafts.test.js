import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingStore } from '../index.js';
import { freshDatabaseName } from './support/candidate.js';
import { promise } from './support/rig.js';

class FakeStorage extends Map {
  get length() {
    return this.size;
  }
  key(at) {
    return [...this.keys()][at];
  }
  getItem(key) {
    return this.get(key) ?? null;
  }
  setItem(key, value) {
    this.set(key, value);
  }
  removeItem(key) {
    this.delete(key);
  }
}

const twoPages = () => ({ name: freshDatabaseName(), storage: new FakeStorage() });

test('what was typed when the page went is an answer after the reload', async () => {
  const browser = twoPages();
  const before = await PendingStore.open(browser);
  before.draft(7, 'q_1', { value: '4' });
  before.draft(7, 'q_1', { value: '42' });
  before.draft(8, 'q_1', { value: 'of another assessment' });
  const after = await PendingStore.open(browser);
  const pending = await after.pending(7);
  assert.deepEqual(pending.map(({ question_id, value }) => [question_id, value]), [['q_1', '42']]);
  assert.deepEqual(await after.pending(7), pending, 'once is enough');
});

test('a draft that became an answer is no draft any more, and a newer one still is', async () => {
  const browser = twoPages();
  const store = await PendingStore.open(browser);
  store.draft(7, 'q_1', { value: '4' });
  store.draft(7, 'q_2', null);
  await store.put(7, 'q_1', { value: '4' });
  await store.put(7, 'q_2', { value: 'before it was emptied' });
  assert.deepEqual([...browser.storage.values()], ['{"selected_option":null}']);
});

test('a draft is typed over what was known then, whatever another device did since', async () => {
  const browser = twoPages();
  const before = await PendingStore.open(browser);
  await before.learn(7, [{ question_id: 'q_1', seq: 4 }]);
  before.draft(7, 'q_1', { value: '42' });
  const after = await PendingStore.open(browser);
  const [item] = await after.pending(7);
  await after.learn(7, [{ question_id: 'q_1', seq: 9 }]);
  assert.equal(item.base_seq, 4);
});

test('a browser that forbids its storage is no reason to fail', async () => {
  const forbidden = {
    getItem() {
      throw new Error('denied');
    },
  };
  const store = await PendingStore.open({ name: freshDatabaseName(), storage: forbidden });
  store.draft(7, 'q_1', { value: '4' });
  assert.deepEqual(await store.pending(7), []);
});

promise('a draft goes to the server with the resume behind a reload', async ({ server, open }) => {
  const browser = twoPages();
  const first = await open({ store: await PendingStore.open(browser) });
  await first.start();
  first.draft('q_1', { value: '42' });
  first.stop();
  assert.equal(server.responses.size, 0);
  const again = await open({ store: await PendingStore.open(browser) });
  await again.resume(7);
  assert.equal(server.responses.get('q_1').value, '42');
  assert.equal(again.answerTo('q_1').status, 'saved');
});

promise('a refused answer is kept with the server’s sentence until another is given', async ({ server, open }) => {
  const session = await open();
  await session.start();
  await session.answer('q_1', { value: '7' });
  server.on('submit_answer', ({ socket, message }) => {
    const data = { code: 'invalid_answer', error: 'This is not a number.', retryable: false };
    socket.send(JSON.stringify({ type: 'error', data, reply_to: message.id }));
  });
  await assert.rejects(session.answer('q_1', { value: 'seven' }), { code: 'invalid_answer' });
  const { value, refusal } = session.answerTo('q_1');
  assert.equal(value, '7');
  assert.deepEqual(
    [refusal.code, refusal.message, refusal.given.value],
    ['invalid_answer', 'This is not a number.', 'seven'],
  );
  await session.answer('q_1', { value: '8' });
  assert.equal(session.answerTo('q_1').refusal, null);
});

promise('an answer is kept in the moment in which it is given, before the disk has it', async ({ open }) => {
  const browser = twoPages();
  const session = await open({ store: await PendingStore.open(browser) });
  await session.start();
  const saved = session.answer('q_1', 'o_a');
  assert.deepEqual([...browser.storage.values()], ['{"selected_option":"o_a"}']);
  await saved;
  assert.deepEqual([...browser.storage.values()], []);
});
