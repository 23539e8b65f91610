// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { queryAudit, readEvents, streamEvents } from '@plumbline/api-contract';
import { publicEvent } from '@plumbline/events';
import { checkInput } from '../../operations/check-input.js';
import { EventsService, type StreamStep } from '../../events/events.service.js';
import type { Principal } from '../../state/access-book.js';
import { GrpcCalls } from './grpc-calls.js';
import { optionalApplication } from './grpc-input.js';
import type { HandlersOf, RequestOf } from './codec.js';
import type { Audit, Events } from './generated/plumbline/v1/plumbline_pb.js';

/** The log over gRPC. */
@Injectable()
export class EventsGrpc {
  readonly #calls: GrpcCalls;
  readonly #events: EventsService;

  constructor(@Inject(GrpcCalls) calls: GrpcCalls, @Inject(EventsService) events: EventsService) {
    this.#calls = calls;
    this.#events = events;
  }

  eventsServer(): HandlersOf<typeof Events> {
    return {
      readEvents: this.#calls.unary(readEvents, async ({ types, limit, ...given }) => {
        const query = checkInput(readEvents.query, {
          ...given,
          types: types.length === 0 ? undefined : types.join(','),
          limit: limit === 0 ? undefined : limit,
        });
        const page = await this.#events.page(query);
        return { events: page.events, after: page.after, head: page.head };
      }),
      streamEvents: this.#calls.stream(streamEvents, (request, principal, signal) =>
        messagesOf(this.#follow(request, principal, signal)),
      ),
    };
  }

  async *#follow(
    request: RequestOf<typeof Events, 'streamEvents'>,
    principal: Principal,
    signal: AbortSignal,
  ): AsyncGenerator<StreamStep> {
    const { token, after, types, application, project, environment, cluster, actor } = request;
    const filter = {
      types: types.length === 0 ? undefined : types,
      application: optionalApplication(application),
      project,
      environment,
      cluster,
      actor,
    };
    const start = await this.#events.resume(token ?? (after === undefined ? undefined : String(after)), filter);
    yield* this.#events.follow({ ...filter, after: start, tokens: true, principal, signal });
  }

  auditServer(): HandlersOf<typeof Audit> {
    return {
      queryAudit: this.#calls.unary(queryAudit, async ({ ascending, limit, ...given }) => {
        const query = checkInput(queryAudit.query, {
          ...given,
          order: ascending ? 'asc' : 'desc',
          limit: limit === 0 ? undefined : limit,
        });
        const page = await this.#events.audit(
          Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)),
        );
        return { events: page.events, cursor: page.cursor ?? '' };
      }),
    };
  }
}

/**
 * One message per event; one without an event when a step brought progress only, or nothing: that shows that the
 * stream lives.
 */
async function* messagesOf(steps: AsyncGenerator<StreamStep>): AsyncGenerator<object> {
  for await (const step of steps) {
    const token = (position: number): string => step.tokens?.get(position) ?? '';
    for (const event of step.events)
      yield {
        event: publicEvent(event),
        position: event.position,
        token: token(event.position),
        frame: '',
      };
    if (step.events.length === 0)
      yield { event: undefined, position: step.position, token: token(step.position), frame: step.frame ?? '' };
  }
}
