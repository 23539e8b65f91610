// SPDX-License-Identifier: Apache-2.0
import { type EventsFilter, streamEvents } from '@plumbline/api-contract';
import { PlumblineError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type { Http } from './http.js';

/** One message of an event stream (WHATWG server-sent events). */
export interface SseMessage {
  readonly id?: string;
  readonly event: string;
  readonly data: string;
}

/**
 * Cuts a byte stream into messages; comments and unknown fields are skipped, a message cut off at the end is dropped.
 */
export async function* sseMessages(body: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage> {
  const decoder = new TextDecoder();
  let buffer = '';
  let message = emptyMessage();
  for await (const chunk of body) {
    buffer += decoder.decode(chunk, { stream: true });
    const lines = buffer.split(/\r\n|\n|\r(?!$)/);
    buffer = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        message = withLine(message, line);
        continue;
      }
      if (message.data !== undefined) {
        yield { event: message.event, data: message.data, ...(message.id === undefined ? {} : { id: message.id }) };
      }
      message = emptyMessage();
    }
  }
}

interface PartialMessage {
  readonly id?: string;
  readonly event: string;
  readonly data?: string;
}

function emptyMessage(): PartialMessage {
  return { event: 'message' };
}

function withLine(message: PartialMessage, line: string): PartialMessage {
  const colon = line.indexOf(':');
  if (colon === 0) return message;
  const field = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
  if (field === 'data') return { ...message, data: message.data === undefined ? value : `${message.data}\n${value}` };
  if (field === 'id') return { ...message, id: value };
  if (field === 'event') return { ...message, event: value };
  return message;
}

/** How an event stream behaves. */
export interface FollowOptions extends EventsFilter {
  /** Position of the last event already seen; from now on when absent. */
  readonly after?: number;
  readonly signal?: AbortSignal;
  /** Go on where an earlier stream with the same filters stopped; goes before `after`. */
  readonly token?: string;
  /** Called with each token: everything before it was given out. */
  readonly onToken?: (token: string) => void;
  /** Called when the connection is lost and will be tried again. */
  readonly onReconnect?: (error: unknown) => void;
  /** First delay before trying again; doubles up to thirty times as much. 500 when absent. */
  readonly retryDelayMs?: number;
}

/**
 * Every event after a position, in order, each once, for as long as the caller reads: reconnects and resumes where it
 * stopped.
 * Ends without a throw when the signal aborts; throws what no retry can heal (not signed in, not allowed, wrong
 * address,
 * and PLB-4710 when the log is no longer the one that was read: restored or forked).
 */
export async function* followEvents(http: Http, options: FollowOptions = {}): AsyncGenerator<RecordedEvent> {
  const {
    signal,
    onReconnect,
    onToken,
    retryDelayMs = 500,
    types,
    application,
    project,
    environment,
    cluster,
    actor,
  } = options;
  let { after } = options;
  let lastId = options.token ?? (after === undefined ? undefined : String(after));
  let delayMs = retryDelayMs;
  for (;;) {
    if (aborted(signal)) return;
    try {
      const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
      const body = await http.stream(
        {
          method: 'GET',
          path: streamEvents.path,
          query: { ids: 'token', types, application, project, environment, cluster, actor },
          signal,
        },
        headers,
      );
      for await (const message of sseMessages(body)) {
        delayMs = retryDelayMs;
        const event = message.event === 'event' ? (JSON.parse(message.data) as RecordedEvent) : undefined;
        if (event === undefined || after === undefined || event.position > after) {
          after = event?.position ?? after;
          if (event !== undefined) yield event;
        }
        if (message.id !== undefined && message.id !== '') {
          lastId = message.id;
          onToken?.(lastId);
        }
      }
      onReconnect?.(undefined);
    } catch (error) {
      if (aborted(signal)) return;
      if (error instanceof PlumblineError && error.retry !== 'after-delay') throw error;
      onReconnect?.(error);
    }
    await pause(delayMs, signal);
    delayMs = Math.min(delayMs * 2, retryDelayMs * 30);
  }
}

function aborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });
}
