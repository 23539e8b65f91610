// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { waitUntil } from '@plumbline/testkit';
import { recordedMetrics } from './testing/recorded-metrics.js';
import { Worklist, type WorklistOptions } from './worklist.js';

/** A worklist whose runs end when a spec says so. */
function held(options: Partial<WorklistOptions<string>> = {}) {
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  const list = new Worklist<string>({
    name: 'spec',
    concurrency: 2,
    backoff: { firstMs: 5, maxMs: 20 },
    onError: () => undefined,
    work: async (key) => {
      begun.push(key);
      const end = Promise.withResolvers<void>();
      ends.set(key, end);
      await end.promise;
    },
    ...options,
  });
  return {
    list,
    begun,
    end: (key: string): void => ends.get(key)?.resolve(),
    fail: (key: string): void => ends.get(key)?.reject(new TypeError('failed')),
  };
}

describe('a worklist', () => {
  it('keeps the earlier of two delays of a key', async () => {
    const { list, begun } = held();
    list.start();
    list.addLater('a', 1);
    list.addLater('a', 3_600_000);
    list.addLater('b', 3_600_000);
    list.addLater('b', 1);
    await waitUntil('both', () => begun.length === 2);
  });

  it('works on as many keys at once as it may, each once', async () => {
    const { list, begun, end } = held();
    for (const key of ['a', 'b', 'a', 'c']) list.add(key);
    expect(begun).toEqual([]);
    list.start();
    await waitUntil('two', () => begun.length === 2);
    expect(begun).toEqual(['a', 'b']);
    end('a');
    await waitUntil('the third', () => begun.length === 3);
    end('b');
    end('c');
    await list.whenIdle();
    expect(begun).toEqual(['a', 'b', 'c']);
    await list.stop();
  });

  it('works again on a key that was added while it was worked on', async () => {
    const { list, begun, end } = held();
    list.start();
    list.add('a');
    await waitUntil('the first run', () => begun.length === 1);
    list.add('a');
    list.add('a');
    end('a');
    await waitUntil('the second run', () => begun.length === 2);
    end('a');
    await list.whenIdle();
    expect(begun).toEqual(['a', 'a']);
    await list.stop();
  });

  it('lets groups take turns', async () => {
    const { list, begun, end } = held({ concurrency: 1, groupOf: (key) => key.charAt(0) });
    for (const key of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) list.add(key);
    list.start();
    for (let index = 0; index < 6; index += 1) {
      await waitUntil('the next', () => begun.length === index + 1);
      end(begun[index] ?? '');
    }
    await list.whenIdle();
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
    await list.stop();
  });

  it('works again on a key that failed, after a delay, with the number of the attempt', async () => {
    const attempts: number[] = [];
    const delays: number[] = [];
    const list = new Worklist<string>({
      name: 'spec',
      concurrency: 1,
      backoff: { firstMs: 5, maxMs: 20 },
      random: () => 1,
      onError: (_key, _error, { retryMs }) => delays.push(retryMs),
      work: async (_key, { attempt }) => {
        attempts.push(attempt);
        await Promise.resolve();
        if (attempt < 4) throw new TypeError('failed');
      },
    });
    list.start();
    list.add('a');
    await waitUntil('the success', () => attempts.length === 4);
    await list.whenIdle();
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(delays).toEqual([5, 10, 20]);
    expect(list.failuresOf('a')).toBe(0);
    await list.stop();
  });

  it('gives keys that failed places of their own, so that they take none of the others', async () => {
    const { list, begun, end, fail } = held({ concurrency: 1, concurrencyOfFailing: 1 });
    list.start();
    list.add('slow');
    await waitUntil('the run', () => begun.length === 1);
    fail('slow');
    await waitUntil('the second run', () => begun.length === 2);
    list.add('a');
    await waitUntil('the other one', () => begun.includes('a'));
    end('a');
    end('slow');
    await list.whenIdle();
    await list.stop();
  });

  it('works again when the worker asks for it', async () => {
    let runs = 0;
    const list = new Worklist<string>({
      name: 'spec',
      concurrency: 1,
      backoff: { firstMs: 5, maxMs: 20 },
      onError: () => undefined,
      work: async () => {
        runs += 1;
        await Promise.resolve();
        return runs < 3 ? { againInMs: runs - 1 } : {};
      },
    });
    list.start();
    list.add('a');
    await waitUntil('the third run', () => runs === 3);
    await list.whenIdle();
    await list.stop();
    expect(runs).toBe(3);
  });

  it('aborts the workers and waits for them when it stops', async () => {
    let ended = false;
    const list = new Worklist<string>({
      name: 'spec',
      concurrency: 1,
      backoff: { firstMs: 5, maxMs: 20 },
      onError: () => undefined,
      work: async (_key, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended = true;
      },
    });
    list.start();
    list.add('a');
    await waitUntil('the run', () => list.busy === 1);
    await list.stop();
    expect(ended).toBe(true);
  });

  it('forgets a key that is deleted', async () => {
    const { list, begun, end } = held({ concurrency: 1 });
    list.add('a');
    list.add('b');
    list.delete('a');
    list.start();
    await waitUntil('the run', () => begun.length === 1);
    end('b');
    await list.whenIdle();
    expect(begun).toEqual(['b']);
    await list.stop();
  });

  it('reports how many keys are due, busy and delayed', async () => {
    const metrics = recordedMetrics();
    const { list, begun, end } = held({ concurrency: 1, meter: metrics.meter });
    for (const key of ['a', 'b', 'c']) list.add(key);
    list.addLater('d', 60_000);
    list.start();
    await waitUntil('the run', () => begun.length === 1);
    const value = async (state: string) => metrics.valueOf('plumbline_reactor_work_queue', { queue: 'spec', state });
    expect([await value('due'), await value('busy'), await value('delayed')]).toEqual([2, 1, 1]);
    for (const key of ['a', 'b', 'c']) {
      await waitUntil(key, () => begun.includes(key));
      end(key);
    }
    await list.stop();
  });
});
