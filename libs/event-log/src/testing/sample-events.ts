// SPDX-License-Identifier: Apache-2.0
import { uuidv7 } from '@plumbline/core';
import { type Actor, type NewEvent, projectSpec, type ServiceName } from '@plumbline/events';
import type { AppendRequest, ExpectedRevision } from '../event-log.port.js';

/** A small valid event of the gateway. */
export function projectDeclared(name: string, note = 'declared by a test'): NewEvent {
  return { type: 'ProjectDeclared', data: { name, labels: { note }, spec: projectSpec.parse({}) } };
}

/** What a sample append may differ in. */
export interface SampleAppend {
  readonly requestId?: string;
  readonly service?: ServiceName;
  readonly actor?: Actor;
  readonly expected?: ExpectedRevision;
  readonly events?: readonly NewEvent[];
}

/** Returns the actor as which a service appends. */
export function actorOf(service: ServiceName): Actor {
  return { kind: 'service', id: service, name: service };
}

/** An append to one stream, of one event if not said otherwise, as the gateway. */
export function sampleAppend(stream: string, options: SampleAppend = {}): AppendRequest {
  return {
    requestId: options.requestId ?? uuidv7(Date.now()),
    actor: options.actor ?? { kind: 'user', id: 'token-1', name: 'Ada' },
    service: options.service ?? 'gateway',
    items: [
      {
        stream,
        expected: options.expected ?? { type: 'any' },
        events: options.events ?? [projectDeclared(stream.replace(/^[a-z]+-/, ''))],
      },
    ],
  };
}
