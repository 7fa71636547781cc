import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../index.js';

function clockAt(time) {
  return new ServerClock({ now: () => time.monotonic, wall: () => time.wall });
}

test('remaining time runs down with the monotonic clock and ends at zero', () => {
  const time = { monotonic: 1_000, wall: 0 };
  const clock = clockAt(time);
  clock.sync({ remaining_seconds: 60 }, { fresh: true });
  time.monotonic += 45_500;
  assert.equal(clock.remainingSeconds(), 14.5);
  time.monotonic += 60_000;
  assert.equal(clock.remainingSeconds(), 0);
});

test('a wall clock that is wrong by an hour or changes midway does not move the remaining time', () => {
  const time = { monotonic: 0, wall: 3_600_000 };
  const clock = clockAt(time);
  clock.sync({ remaining_seconds: 60, server_time: '2026-11-22T09:00:00Z' }, { fresh: true });
  time.wall = -7_200_000;
  time.monotonic = 10_000;
  assert.equal(clock.remainingSeconds(), 50);
  assert.equal(clock.serverNow().toISOString(), '2026-11-22T09:00:10.000Z');
});

test('a jump between wall and monotonic clock is noticed once', () => {
  const time = { monotonic: 0, wall: 0 };
  const clock = clockAt(time);
  time.monotonic = time.wall = 5_000;
  assert.equal(clock.jumped(), false);
  time.wall += 60_000;
  assert.equal(clock.jumped(), true);
  assert.equal(clock.jumped(), false);
});

test('a message that was long under way adds no time, a deadline that moved does', () => {
  const time = { monotonic: 0, wall: 0 };
  const clock = clockAt(time);
  clock.sync({ remaining_seconds: 60 }, { fresh: true });
  time.monotonic = 10_000;
  clock.sync({ remaining_seconds: 51.5 });
  assert.equal(clock.remainingSeconds(), 50);
  clock.sync({ remaining_seconds: 49 });
  assert.equal(clock.remainingSeconds(), 49);
  clock.sync({ remaining_seconds: 350 });
  assert.equal(clock.remainingSeconds(), 350);
});

test('a pause stops the time, and its end lets it go on from there', () => {
  const time = { monotonic: 0, wall: 0 };
  const clock = clockAt(time);
  clock.sync({ remaining_seconds: 60 }, { fresh: true });
  clock.pause();
  time.monotonic = 30_000;
  assert.equal(clock.remainingSeconds(), 60);
  clock.unpause();
  time.monotonic = 40_000;
  assert.equal(clock.remainingSeconds(), 50);
});

test('an untimed assessment has no remaining time, also after a heartbeat', () => {
  const clock = clockAt({ monotonic: 0, wall: 0 });
  clock.sync({ remaining_seconds: null }, { fresh: true });
  clock.sync({ remaining_seconds: null, server_time: '2026-11-22T09:00:00Z' });
  assert.equal(clock.remainingSeconds(), null);
});

test('a message that knows no remaining time does not make a timed assessment untimed', () => {
  const clock = clockAt({ monotonic: 0, wall: 0 });
  clock.sync({ remaining_seconds: 60 }, { fresh: true });
  clock.sync({ remaining_seconds: null });
  assert.equal(clock.remainingSeconds(), 60);
});
