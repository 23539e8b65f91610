// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { pollInterval, waitUntil } from './polling.js';

it('returns the first result that is neither undefined nor false, also after errors', async () => {
  const results = [undefined, false, new Error('not yet'), 'done'] as const;
  let calls = 0;
  const check = (): string | false | undefined => {
    const result = results[calls++];
    if (result instanceof Error) throw result;
    return result;
  };
  expect(await waitUntil('a result', check, { intervalMs: 1 })).toBe('done');
  expect(calls).toBe(4);
});

it('rejects after the limit with what was awaited, what the caller adds, and the last error', async () => {
  const failing = (): boolean => {
    throw new Error('connection refused');
  };
  // time is what this tests
  const options = { limitMs: 5, intervalMs: 1, describe: () => 'the last events' };
  await expect(waitUntil('the server', failing, options)).rejects.toMatchObject({
    message: 'the server: not within 5 ms\nthe last events',
    cause: expect.objectContaining({ message: 'connection refused' }) as unknown,
  });
});

it('ends a poll interval early when a promise resolves', async () => {
  await pollInterval(600_000, Promise.resolve());
});
