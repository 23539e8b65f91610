// SPDX-License-Identifier: Apache-2.0
import { decodeEvent, type EventData, type RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { quarantineKey, ViewStore } from './index.js';

type QuarantineType = 'StreamQuarantined' | 'StreamRecovered' | 'StreamRetryRequested';

function event<Type extends QuarantineType>(type: Type, position: number, data: EventData<Type>): RecordedEvent {
  return decodeEvent(
    JSON.stringify({
      id: `e${position}`,
      type,
      schemaVersion: 1,
      stream: 'log-quarantine',
      revision: position,
      position,
      occurredAt: '2026-01-01T00:00:00Z',
      recordedAt: `2026-01-01T00:00:0${position}Z`,
      actor: { kind: 'user', id: 'ada', name: 'Ada' },
      causationId: 'c',
      correlationId: 'c',
      data,
    }),
  );
}

const stream = 'application-default/web';
const failed = { consumer: 'renderer', stream, position: 41, revision: 7, message: 'cannot be read' };
const key = quarantineKey('renderer', stream);

describe('quarantined streams', () => {
  it('are listed by consumer until the consumer has processed them', () => {
    const store = new ViewStore({ kinds: ['quarantine'] });
    store.apply(event('StreamQuarantined', 1, failed));
    store.apply(event('StreamQuarantined', 2, { ...failed, consumer: 'policy' }));
    expect(store.get('quarantine', key)).toEqual({ ...failed, attempts: 1, since: '2026-01-01T00:00:01Z' });
    store.apply(event('StreamRecovered', 3, { consumer: 'renderer', stream, position: 41 }));
    expect([...store.scan('quarantine', '')].map(([name]) => name)).toEqual([quarantineKey('policy', stream)]);
  });

  it('show who asked for a retry, and count the attempts that failed', () => {
    const store = new ViewStore({ kinds: ['quarantine'] });
    store.apply(event('StreamQuarantined', 1, failed));
    store.apply(event('StreamRetryRequested', 2, { consumer: 'renderer' }));
    expect(store.get('quarantine', key)?.retryRequested).toMatchObject({ position: 2, by: { id: 'ada' } });
    store.apply(event('StreamQuarantined', 3, { ...failed, message: 'still not' }));
    expect(store.get('quarantine', key)).toEqual({
      ...failed,
      message: 'still not',
      attempts: 2,
      since: '2026-01-01T00:00:01Z',
    });
  });

  it.each([
    ['of another consumer', { consumer: 'policy' }],
    ['of another stream', { stream: 'application-default/api' }],
  ])('do not show a request to retry those %s', (_what, data) => {
    const store = new ViewStore({ kinds: ['quarantine'] });
    store.apply(event('StreamQuarantined', 1, failed));
    store.apply(event('StreamRetryRequested', 2, data));
    expect(store.get('quarantine', key)).not.toHaveProperty('retryRequested');
  });
});
