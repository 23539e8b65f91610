// SPDX-License-Identifier: Apache-2.0
import type { PlumblineEvent, RecordedEvent } from '@plumbline/events';
import type { ViewChange, ViewReader } from './documents.js';
import { evolveApplication } from './evolve-application.js';
import { evolveDeclared } from './evolve-declared.js';
import { evolveSubscription } from './evolve-subscription.js';
import { evolveTarget } from './evolve-target.js';
import { evolveVersion } from './evolve-version.js';

/**
 * What one event changes in the views: pure, and the only definition of them, for the in-memory fold of each service and for the
 * tables of the audit service alike. Each part sees the documents as they were before the event; parts own different kinds.
 */
export function evolveViews(views: ViewReader, event: RecordedEvent): readonly ViewChange[] {
  if (event.type === 'Unknown') return [];
  const known: PlumblineEvent = event;
  return [
    ...evolveDeclared(views, known),
    ...evolveApplication(views, known),
    ...evolveVersion(views, known),
    ...evolveTarget(views, known),
    ...evolveSubscription(views, known),
  ];
}
