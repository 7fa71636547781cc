import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../index.js';

const highest = () => 0.999_999;

test('the ceiling doubles with each failure and stops at the cap', () => {
  const backoff = new Backoff({ base: 100, cap: 1_000, random: highest });
  const delays = Array.from({ length: 6 }, () => Math.ceil(backoff.next()));
  assert.deepEqual(delays, [100, 200, 400, 800, 1_000, 1_000]);
});

test('delays are spread over the whole range down to zero', () => {
  const backoff = new Backoff({ base: 100, cap: 100, random: mulberry(1) });
  const delays = Array.from({ length: 1_000 }, () => backoff.next());
  assert.ok(delays.every((delay) => delay >= 0 && delay < 100));
  for (const edge of [0, 25, 50, 75]) {
    const share = delays.filter((delay) => delay >= edge && delay < edge + 25).length;
    assert.ok(share > 200, `only ${share} of 1000 delays lie in ${edge} to ${edge + 25}`);
  }
});

test('a server that asks for patience gets it at the first attempt', () => {
  const backoff = new Backoff({ base: 100, cap: 10_000, random: highest });
  assert.equal(Math.ceil(backoff.next(4)), 1_600);
});

test('a connection that lasted starts again from the base', () => {
  let now = 0;
  const backoff = new Backoff({ base: 100, stableAfter: 1_000, random: highest, now: () => now });
  backoff.next();
  backoff.next();
  backoff.connected();
  now = 1_000;
  assert.equal(Math.ceil(backoff.next()), 100);
});

test('a connection that falls at once goes on waiting longer', () => {
  let now = 0;
  const backoff = new Backoff({ base: 100, stableAfter: 1_000, random: highest, now: () => now });
  backoff.next();
  backoff.connected();
  now = 999;
  assert.equal(Math.ceil(backoff.next()), 200);
});

function mulberry(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
