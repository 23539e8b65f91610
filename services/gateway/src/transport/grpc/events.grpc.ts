// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { queryAudit, readEvents, streamEvents } from '@plumbline/api-contract';
import { publicEvent } from '@plumbline/events';
import { checkInput } from '../../operations/check-input.js';
import { EventsService, type StreamStep } from '../../events/events.service.js';
import { Event } from './generated/plumbline/v1/documents.js';
import type {
  AuditServer,
  EventsServer,
  StreamEventsRequest,
  StreamEventsResponse,
} from './generated/plumbline/v1/plumbline.js';
import type { Principal } from '../../state/access-book.js';
import { GrpcCalls } from './grpc-calls.js';
import { optionalApplication } from './grpc-input.js';

/** The log over gRPC. */
@Injectable()
export class EventsGrpc {
  readonly #calls: GrpcCalls;
  readonly #events: EventsService;

  constructor(@Inject(GrpcCalls) calls: GrpcCalls, @Inject(EventsService) events: EventsService) {
    this.#calls = calls;
    this.#events = events;
  }

  eventsServer(): EventsServer {
    return {
      readEvents: this.#calls.unary(readEvents, async ({ types, limit, ...given }) => {
        const query = checkInput(readEvents.query, {
          ...given,
          types: types.length === 0 ? undefined : types.join(','),
          limit: limit === 0 ? undefined : limit,
        });
        const page = await this.#events.page(query);
        return { events: page.events.map(Event.fromJSON), after: page.after, head: page.head };
      }),
      streamEvents: this.#calls.stream(streamEvents, (request, principal, signal) =>
        messagesOf(this.#follow(request, principal, signal)),
      ),
    };
  }

  async *#follow(request: StreamEventsRequest, principal: Principal, signal: AbortSignal): AsyncGenerator<StreamStep> {
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

  auditServer(): AuditServer {
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
        return { events: page.events.map(Event.fromJSON), cursor: page.cursor ?? '' };
      }),
    };
  }
}

/** One message per event; one without an event when a step brought progress only, or nothing: that shows that the stream lives. */
async function* messagesOf(steps: AsyncGenerator<StreamStep>): AsyncGenerator<StreamEventsResponse> {
  for await (const step of steps) {
    const token = (position: number): string => step.tokens?.get(position) ?? '';
    for (const event of step.events)
      yield {
        event: Event.fromJSON(publicEvent(event)),
        position: event.position,
        token: token(event.position),
        frame: '',
      };
    if (step.events.length === 0)
      yield { event: undefined, position: step.position, token: token(step.position), frame: step.frame ?? '' };
  }
}
