// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { streamEvents } from '@plumbline/api-contract';
import { messageOf } from '@plumbline/core';
import { type Logger, LOGGER } from '@plumbline/platform';
import { EventsService } from '../../events/events.service.js';
import type { InputOf } from '../../operations/operation.js';
import { Input, Serve } from '../../operations/serve.js';
import { writeSse } from './sse.js';

const CONTENT_TYPE = 'text/event-stream; charset=utf-8';

/** Events as server-sent events. */
@Controller()
export class EventStreamController {
  readonly #events: EventsService;
  readonly #logger: Logger;

  constructor(@Inject(EventsService) events: EventsService, @Inject(LOGGER) logger: Logger) {
    this.#events = events;
    this.#logger = logger;
  }

  @Serve(streamEvents)
  async stream(
    @Input() { query, principal }: InputOf<typeof streamEvents>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ) {
    // Its head is all that a HEAD request asks for.
    if (request.method === 'HEAD') return void reply.header('content-type', CONTENT_TYPE).send('');
    const gone = new AbortController();
    const { after: start, ids, ...filter } = query;
    const after = await this.#events.resume(lastEventId(request) ?? start, filter);
    const steps = this.#events.follow({ ...filter, after, tokens: ids === 'token', principal, signal: gone.signal });
    reply.raw.on('close', () => gone.abort());
    reply.hijack();
    const headers = {
      ...reply.getHeaders(),
      'content-type': CONTENT_TYPE,
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    };
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value);
    // A stream ends when its process does: a connection kept alive after it would hold the process back.
    reply.raw.shouldKeepAlive = false;
    reply.raw.writeHead(200);
    reply.raw.write(': welcome\n\n');
    try {
      await writeSse(reply.raw, steps, gone.signal);
    } catch (error) {
      if (!gone.signal.aborted)
        this.#logger.warn('an event stream ended early; its reader resumes', { error: messageOf(error) });
    } finally {
      gone.abort();
      reply.raw.end();
    }
  }
}

function lastEventId(request: FastifyRequest): string | undefined {
  const text = request.headers['last-event-id'];
  return typeof text === 'string' && text !== '' ? text : undefined;
}
