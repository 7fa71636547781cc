import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PendingStore } from '../index.js';
import { freshDatabaseName } from './support/candidate.js';

test('a pending answer is still there after the page is gone', async () => {
  const name = freshDatabaseName();
  const before = await PendingStore.open({ name });
  const item = await before.put(7, 'q_1', 'o_a');
  const after = await PendingStore.open({ name });
  assert.equal(after.durable, true);
  assert.deepEqual(await after.pending(7), [item]);
});

test('two tabs never draw the same number and are one installation', async () => {
  const name = freshDatabaseName();
  const tabs = await Promise.all([PendingStore.open({ name }), PendingStore.open({ name })]);
  const puts = Array.from({ length: 60 }, (_, at) => tabs[at % 2].put(7, `q_${at}`, 'o_a'));
  const items = await Promise.all(puts);
  assert.equal(new Set(items.map((item) => item.client_seq)).size, 60);
  assert.equal(new Set(items.map((item) => item.client_id)).size, 1);
});

test('number and answer are stored together or not at all', async () => {
  const name = freshDatabaseName();
  const store = await PendingStore.open({ name });
  const first = await store.put(7, 'q_1', 'o_a');
  const notStorable = { value: () => {} };
  await store.put(7, 'q_2', notStorable);
  const next = await PendingStore.open({ name });
  assert.deepEqual(await next.pending(7), [first]);
  assert.equal((await next.put(7, 'q_2', 'o_b')).client_seq, first.client_seq + 1);
});

test('an acknowledgement removes its own answer and no newer one', async () => {
  const store = await PendingStore.open({ name: freshDatabaseName() });
  const older = await store.put(7, 'q_1', 'o_a');
  const newer = await store.put(7, 'q_1', 'o_b');
  const other = await store.put(7, 'q_2', 'o_c');
  await store.settle(older, 4);
  assert.deepEqual(await store.pending(7), [newer, other]);
  await store.settle(newer, 5);
  assert.deepEqual(await store.pending(7), [other]);
});

test('an answer carries the version that it was typed over, whatever is learned later', async () => {
  const name = freshDatabaseName();
  const store = await PendingStore.open({ name });
  assert.equal((await store.put(7, 'q_1', 'o_a')).base_seq, 0);
  await store.learn(7, [{ question_id: 'q_1', seq: 9 }]);
  await store.learn(7, [{ question_id: 'q_1', seq: 4 }]);
  const typed = await store.put(7, 'q_1', 'o_b');
  assert.equal(typed.base_seq, 9);
  await store.settle(typed, 12);
  const afterReload = await PendingStore.open({ name });
  assert.equal((await afterReload.put(7, 'q_1', null)).base_seq, 12);
});

test('assessments are kept apart, and a finished one is forgotten alone', async () => {
  const store = await PendingStore.open({ name: freshDatabaseName() });
  await store.put(7, 'q_1', 'o_a');
  const other = await store.put(70, 'q_1', 'o_b');
  await store.forget(7);
  assert.deepEqual(await store.pending(7), []);
  assert.deepEqual(await store.pending(70), [other]);
});

test('without IndexedDB answers are kept in memory, and it says so', async () => {
  const store = await PendingStore.open({ indexedDB: null });
  assert.equal(store.durable, false);
  const item = await store.put(7, 'q_1', 'o_a');
  assert.deepEqual(await store.pending(7), [item]);
  const newer = await store.put(7, 'q_1', 'o_b');
  await store.settle(item, 3);
  assert.deepEqual(await store.pending(7), [newer]);
  await store.settle(newer, 4);
  assert.deepEqual(await store.pending(7), []);
  assert.equal((await store.put(7, 'q_1', 'o_c')).base_seq, 4);
});

test('a disk that fails in the middle loses no answer and lends its numbers to nobody', async () => {
  const store = await PendingStore.open({ name: freshDatabaseName() });
  await store.learn(7, [{ question_id: 'q_2', seq: 5 }]);
  const onDisk = await store.put(7, 'q_1', 'o_a');
  const inMemory = await store.put(7, 'q_2', { value: () => 'what no disk can keep' });
  assert.equal(store.durable, false);
  assert.notEqual(inMemory.client_id, onDisk.client_id);
  assert.equal(inMemory.base_seq, 5);
  assert.deepEqual(new Set(await store.pending(7)), new Set([onDisk, inMemory]));
});

test('a disk that does not answer holds no answer back', async () => {
  const silent = new Promise(() => {});
  const store = new PendingStore({ put: () => silent }, null, 20);
  const item = await store.put(7, 'q_1', 'o_a');
  assert.equal(item.selected_option, 'o_a');
  assert.equal(store.durable, false);
  assert.deepEqual(await store.pending(7), [item]);
});
