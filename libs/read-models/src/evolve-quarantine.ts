// SPDX-License-Identifier: Apache-2.0
import type { PlumblineEvent } from '@plumbline/events';
import type { QuarantineView, ViewChange, ViewReader } from './documents.js';
import { provenanceOf } from './evolve-declared.js';

/** Key of a quarantine document. Names of consumers hold no slash. */
export function quarantineKey(consumer: string, stream: string): string {
  return `${consumer}/${stream}`;
}

/** Quarantined streams by consumer, until the consumer has processed them. */
export function evolveQuarantine(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'StreamQuarantined': {
      const { consumer, stream, position, revision, message } = event.data;
      const before = views.get('quarantine', quarantineKey(consumer, stream));
      const isSame = before?.position === position;
      return [
        changed({
          consumer,
          stream,
          position,
          message,
          attempts: isSame ? before.attempts + 1 : 1,
          since: isSame ? before.since : event.recordedAt,
          ...(revision === undefined ? {} : { revision }),
        }),
      ];
    }
    case 'StreamRecovered': {
      const { consumer, stream } = event.data;
      return [{ view: 'quarantine', key: quarantineKey(consumer, stream), document: undefined }];
    }
    case 'StreamRetryRequested': {
      const { consumer, stream } = event.data;
      const prefix = consumer === undefined ? '' : quarantineKey(consumer, '');
      return [...views.scan('quarantine', prefix)]
        .filter(([, document]) => stream === undefined || document.stream === stream)
        .map(([, document]) => changed({ ...document, retryRequested: provenanceOf(event) }));
    }
    default:
      return [];
  }
}

function changed(document: QuarantineView): ViewChange {
  return { view: 'quarantine', key: quarantineKey(document.consumer, document.stream), document };
}
