// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeMethod, KubeRequest, KubeResponse, KubeTransport } from '../kube-transport.port.js';
import { LimitedTransport, type LimitedTransportOptions } from './limited-transport.js';

/** Holds every request until the test answers it. */
class HeldTransport implements KubeTransport {
  readonly held: {
    readonly path: string;
    readonly answer: (status?: number, headers?: Record<string, string>) => void;
    readonly fail: () => void;
  }[] = [];

  request({ path }: KubeRequest): Promise<KubeResponse> {
    return new Promise((resolve, reject) => {
      this.held.push({
        path,
        answer: (status = 200, headers = {}) =>
          resolve({
            status,
            headers,
            text: async () => 'one\ntwo\n',
            lines: () => {
              throw new Error('unused');
            },
          }),
        fail: () => reject(new Error('connection reset')),
      });
    });
  }

  async close(): Promise<void> {}
}

const settle = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined);

function start(options: LimitedTransportOptions = {}): {
  inner: HeldTransport;
  limited: LimitedTransport;
  send: (method: KubeMethod, path: string, signal?: AbortSignal) => Promise<KubeResponse>;
} {
  const inner = new HeldTransport();
  const limited = new LimitedTransport(inner, { random: () => 0, ...options });
  const send = (method: KubeMethod, path: string, signal?: AbortSignal): Promise<KubeResponse> =>
    limited.request({ method, path, ...(signal === undefined ? {} : { signal }) });
  return { inner, limited, send };
}

describe('a limited transport', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('keeps no more in flight than its limit and sends the rest in order', async () => {
    const { inner, limited, send } = start({ writes: { initial: 2, max: 2 } });
    const sent = ['/a', '/b', '/c', '/d'].map((path) => send('PATCH', path));
    await settle();
    expect(inner.held.map(({ path }) => path)).toEqual(['/a', '/b']);
    expect(limited.status().writes).toEqual({ limit: 2, inFlight: 2, queued: 2, pausedMs: 0 });
    inner.held[1]?.answer();
    await settle();
    expect(inner.held.map(({ path }) => path)).toEqual(['/a', '/b', '/c']);
    for (const index of [0, 2]) inner.held[index]?.answer();
    await settle();
    inner.held[3]?.answer();
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(limited.status().writes).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('has a lane for reads and one for writes, and none for watches', async () => {
    const { inner, send } = start({ reads: { initial: 1, max: 1 }, writes: { initial: 1, max: 1 } });
    for (const [method, path] of [
      ['GET', '/read'],
      ['GET', '/read-2'],
      ['DELETE', '/write'],
      ['POST', '/write-2'],
      ['GET', '/w?watch=true'],
      ['GET', '/w?a=b&watch=1'],
      ['GET', '/w?watcher=true'],
    ] as const)
      void send(method, path);
    await settle();
    expect(inner.held.map(({ path }) => path)).toEqual(
      ['/w?watch=true', '/w?a=b&watch=1', '/read', '/write'].toSorted(
        (a, b) => inner.held.findIndex(({ path }) => path === a) - inner.held.findIndex(({ path }) => path === b),
      ),
    );
    expect(inner.held).toHaveLength(4);
  });

  it('gives the answer to its caller and pauses the lane for Retry-After', async () => {
    const { inner, limited, send } = start({ writes: { initial: 4 } });
    const first = send('PATCH', '/a');
    await settle();
    inner.held[0]?.answer(429, { 'retry-after': '3' });
    expect((await first).status).toBe(429);
    expect(limited.status().writes).toMatchObject({ limit: 2, pausedMs: 3_000 });
    void send('PATCH', '/b');
    void send('GET', '/read');
    await vi.advanceTimersByTimeAsync(2_900);
    expect(inner.held.map(({ path }) => path)).toEqual(['/a', '/read']);
    await vi.advanceTimersByTimeAsync(200);
    expect(inner.held.map(({ path }) => path)).toEqual(['/a', '/read', '/b']);
  });

  it('halves once for all that were in flight together, and never below its least', async () => {
    const { inner, limited, send } = start({ writes: { initial: 16, min: 3 } });
    for (let index = 0; index < 10; index += 1) void send('PATCH', `/${index}`).catch(() => undefined);
    await settle();
    await vi.advanceTimersByTimeAsync(5);
    for (const held of inner.held) held.answer(503);
    await settle();
    expect(limited.status().writes.limit).toBe(8);
    for (let round = 0; round < 4; round += 1) {
      await vi.advanceTimersByTimeAsync(10);
      void send('PATCH', '/again').catch(() => undefined);
      await settle();
      inner.held.at(-1)?.fail();
      await settle();
    }
    expect(limited.status().writes.limit).toBe(3);
  });

  it('grows by one for each full round that went well, and not while it is idle', async () => {
    const { inner, limited, send } = start({ writes: { initial: 2, max: 3 } });
    for (let index = 0; index < 5; index += 1) {
      void send('PATCH', '/alone');
      await settle();
      inner.held.at(-1)?.answer();
      await settle();
    }
    expect(limited.status().writes.limit).toBe(2);
    for (let round = 0; round < 4; round += 1) {
      for (let index = 0; index < 3; index += 1) void send('PATCH', '/busy');
      for (let index = 0; index < 3; index += 1) {
        await settle();
        for (const held of inner.held) held.answer();
      }
      await settle();
    }
    expect(limited.status().writes.limit).toBe(3);
  });

  it('lets go of a request that was aborted while it waited', async () => {
    const { inner, limited, send } = start({ writes: { initial: 1, max: 1 } });
    void send('PATCH', '/a');
    const controller = new AbortController();
    const waiting = send('PATCH', '/b', controller.signal);
    const third = send('PATCH', '/c');
    const refused = expect(waiting).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await refused;
    expect(limited.status().writes.queued).toBe(1);
    inner.held[0]?.answer();
    await settle();
    expect(inner.held.map(({ path }) => path)).toEqual(['/a', '/c']);
    inner.held[1]?.answer();
    await third;
    await expect(send('PATCH', '/d', controller.signal)).rejects.toThrow('enough');
    expect(inner.held).toHaveLength(2);
  });

  it('learns nothing from a request that its caller gave up, and halves after one that timed out', async () => {
    const { inner, limited, send } = start({ writes: { initial: 8 } });
    const [given, timed] = [new AbortController(), new AbortController()];
    const pending = [send('PATCH', '/a', given.signal), send('PATCH', '/b', timed.signal)].map((sent) =>
      sent.catch(() => undefined),
    );
    await settle();
    given.abort(new Error('superseded'));
    inner.held[0]?.fail();
    await settle();
    expect(limited.status().writes.limit).toBe(8);
    timed.abort(new DOMException('timed out', 'TimeoutError'));
    inner.held[1]?.fail();
    await Promise.all(pending);
    expect(limited.status().writes.limit).toBe(4);
  });

  it('hands over the whole body, as text and as lines', async () => {
    const { inner, send } = start();
    const sent = send('GET', '/a');
    await settle();
    inner.held[0]?.answer();
    const response = await sent;
    const seen: string[] = [];
    for await (const line of response.lines()) seen.push(line);
    expect(seen).toEqual(['one', 'two']);
    expect(await response.text()).toBe('one\ntwo\n');
  });
});
