// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followEvents, type SseMessage, sseMessages } from './event-stream.js';
import { Http } from './http.js';

async function* bytes(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function messagesOf(...chunks: readonly Uint8Array[]): Promise<readonly SseMessage[]> {
  const messages: SseMessage[] = [];
  for await (const message of sseMessages(bytes(...chunks))) messages.push(message);
  return messages;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('server-sent events', () => {
  it('are read with ids, types, comments and data over several lines', async () => {
    const text =
      ': welcome\n\nid: 1\nevent: event\ndata: {"a":\ndata: 1}\n\nretry: 5\ndata\n\nid: 2\nevent: progress\ndata:{}\n\nid: 3\ndata: cut off';
    expect(await messagesOf(encode(text))).toEqual([
      { id: '1', event: 'event', data: '{"a":\n1}' },
      { event: 'message', data: '' },
      { id: '2', event: 'progress', data: '{}' },
    ]);
  });

  it('are the same however the bytes are cut, and with every line ending', async () => {
    const text = 'id: 7\nevent: event\ndata: {"name":"für 🙂"}\n\n: alive\n\nid: 8\ndata: x\n\n';
    const expected = await messagesOf(encode(text));
    expect(expected).toHaveLength(2);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(100), { maxLength: 12 }),
        async (ending, cuts) => {
          const all = encode(text.replaceAll('\n', ending));
          const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, all.length)), all.length])].sort(
            (left, right) => left - right,
          );
          const chunks = places.slice(1).map((place, index) => all.subarray(places[index], place));
          // A lone CR at the very end could be half of a CRLF: the last message ends with the next byte.
          expect(await messagesOf(...chunks, encode(ending === '\r' ? ':' : ''))).toEqual(expected);
        },
      ),
    );
  });
});

/** A server that answers each connection with what it is given, and notes where clients resume. */
function serverOf(answers: readonly (() => Response | Promise<Response>)[]): {
  readonly http: Http;
  readonly resumed: (string | null)[];
} {
  const resumed: (string | null)[] = [];
  let next = 0;
  const http = new Http({
    server: 'http://plumbline.example',
    token: 't',
    fetch: async (_, init) => {
      resumed.push(new Headers(init?.headers).get('last-event-id'));
      const answer = answers[next];
      next += 1;
      if (answer === undefined) throw new TypeError('fetch failed');
      return answer();
    },
  });
  return { http, resumed };
}

const stream = (text: string): Response => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
const event = (position: number): string => `id: ${position}\nevent: event\ndata: {"position":${position}}\n\n`;

describe('following events', () => {
  it('goes on where it stopped, over lost connections and servers that are away, and drops what it saw', async () => {
    const { http, resumed } = serverOf([
      () => stream(event(4) + event(5) + 'id: 6\nevent: pro'),
      () => Promise.reject(new TypeError('fetch failed')),
      () => new Response('{"code":"PLB-5703","message":"starting"}', { status: 503, headers: { 'retry-after': '1' } }),
      () => stream(`${event(5)}id: 9\nevent: progress\ndata: {}\n\n`),
      () => stream(event(10)),
    ]);
    const stopped = new AbortController();
    const positions: number[] = [];
    const reconnects: unknown[] = [];
    for await (const { position } of followEvents(http, {
      after: 3,
      signal: stopped.signal,
      retryDelayMs: 1,
      onReconnect: (error) => reconnects.push(error),
    })) {
      positions.push(position);
      if (position === 10) stopped.abort();
    }
    expect(positions).toEqual([4, 5, 10]);
    expect(resumed).toEqual(['3', '5', '5', '5', '9']);
    expect(reconnects.filter((error) => error instanceof Error)).toHaveLength(2);
  });

  it('throws what no retry can heal', async () => {
    for (const [status, body] of [
      [401, '{"code":"PLB-2002","message":"no"}'],
      [400, '{"code":"PLB-1712","message":"no"}'],
    ] as const) {
      const { http } = serverOf([() => new Response(body, { status })]);
      await expect(followEvents(http).next()).rejects.toMatchObject({ httpStatus: status });
    }
    const { http } = serverOf([() => new Response('<html>', { headers: { 'content-type': 'text/html' } })]);
    await expect(followEvents(http).next()).rejects.toBeInstanceOf(UpstreamError);
  });

  it('ends at once when the reader has enough', async () => {
    const stopped = new AbortController();
    stopped.abort();
    const { http, resumed } = serverOf([]);
    expect(await followEvents(http, { signal: stopped.signal }).next()).toEqual({ done: true, value: undefined });
    expect(resumed).toEqual([]);
  });
});
