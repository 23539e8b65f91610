// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { queryAudit, readEvents, streamEvents } from '@plumbline/api-contract';
import { messageOf } from '@plumbline/core';
import { type Logger, LOGGER } from '@plumbline/platform';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import { EventsService } from './events.service.js';
import { writeSse } from './sse.js';

const CONTENT_TYPE = 'text/event-stream; charset=utf-8';

/** The log over REST and server-sent events. */
@Controller()
export class EventsController {
  readonly #events: EventsService;
  readonly #logger: Logger;

  constructor(@Inject(EventsService) events: EventsService, @Inject(LOGGER) logger: Logger) {
    this.#events = events;
    this.#logger = logger;
  }

  @Serve(readEvents)
  read(@Input() { query }: InputOf<typeof readEvents>) {
    return this.#events.page(query);
  }

  @Serve(queryAudit)
  audit(@Input() { query }: InputOf<typeof queryAudit>) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    return this.#events.audit(Object.fromEntries(given));
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
