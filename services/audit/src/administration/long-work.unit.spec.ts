// SPDX-License-Identifier: Apache-2.0
import { ConflictError, UpstreamError } from '@plumbline/core';
import { expect, it } from 'vitest';
import { LongWork } from './long-work.js';

const by = { kind: 'user', id: 'a', name: 'A' } as const;
const NOW = { by, waitMs: 0 };
const LONG = { by, waitMs: 10_000 };

it('is done once for a request id, and tells its outcome to everyone who asks with it', async () => {
  const works = new LongWork<number>();
  const gate = Promise.withResolvers<void>();
  let done = 0;
  const work = async (): Promise<number> => {
    await gate.promise;
    return (done += 1);
  };
  expect(await works.outcome({ ...NOW, requestId: 'a' }, work)).toBeUndefined();
  const waiting = works.outcome({ ...LONG, requestId: 'a' }, work);
  gate.resolve();
  expect(await waiting).toBe(1);
  expect(await works.outcome({ ...LONG, requestId: 'a' }, work)).toBe(1);
  expect(await works.outcome({ ...LONG, requestId: 'b' }, work)).toBe(2);
});

it('is done one at a time', async () => {
  const works = new LongWork<string>();
  let busy = 0;
  const work = async (): Promise<string> => {
    busy += 1;
    await Promise.resolve();
    const seen = busy;
    busy -= 1;
    return String(seen);
  };
  expect(
    await Promise.all(['a', 'b', 'c'].map(async (requestId) => works.outcome({ ...LONG, requestId }, work))),
  ).toEqual(['1', '1', '1']);
});

it('keeps a refusal for who asks again, and tries again what failed for a while', async () => {
  const works = new LongWork<string>();
  let tries = 0;
  const failing = (error: Error) => async (): Promise<string> => {
    tries += 1;
    return Promise.reject(error);
  };
  const refused = failing(new ConflictError('PLB-4110', 'held'));
  for (let index = 0; index < 2; index += 1)
    await expect(works.outcome({ ...LONG, requestId: 'a' }, refused)).rejects.toMatchObject({ code: 'PLB-4110' });
  expect(tries).toBe(1);
  const unreachable = failing(new UpstreamError('PLB-6001', 'gone'));
  for (let index = 0; index < 2; index += 1)
    await expect(works.outcome({ ...LONG, requestId: 'b' }, unreachable)).rejects.toMatchObject({ code: 'PLB-6001' });
  expect(tries).toBe(3);
  await works.settled();
});
