// SPDX-License-Identifier: Apache-2.0
import type { PlumblineEvent, RecordedEvent } from '@plumbline/events';
import { type ApplicationFacts, factsFromDocuments } from './application-facts.js';
import type { ViewChange, ViewKind, ViewReader } from './documents.js';
import { evolveApplication } from './evolve-application.js';
import { evolveCluster, evolveProject, evolveToken } from './evolve-declared.js';
import { evolveQuarantine } from './evolve-quarantine.js';
import { evolveRepository } from './evolve-repository.js';
import { evolveSubscription } from './evolve-subscription.js';
import { evolveTarget } from './evolve-target.js';
import { evolveVersion } from './evolve-version.js';

/** Limits a fold to some kinds of documents. */
export interface EvolveOptions {
  /** Kinds to fold; default: all. `approval` needs `version`. */
  readonly kinds?: ReadonlySet<ViewKind>;
  /** Facts about versions and targets; default: from the documents, which needs the kinds `version` and `target`. */
  readonly facts?: ApplicationFacts;
}

/**
 * Returns the documents that one event changes: pure, and the only definition of the read models, for the in-memory
 * fold of each service
 * and for the tables of the audit service alike. Each part sees the documents as they were before the event; parts
 * own different kinds.
 */
export function evolveViews(
  views: ViewReader,
  event: RecordedEvent,
  { kinds, facts = factsFromDocuments(views) }: EvolveOptions = {},
): readonly ViewChange[] {
  if (event.type === 'Unknown') return [];
  const known: PlumblineEvent = event;
  const folds = (kind: ViewKind): boolean => kinds === undefined || kinds.has(kind);
  return [
    ...(folds('project') ? evolveProject(views, known) : []),
    ...(folds('repository') ? evolveRepository(views, known) : []),
    ...(folds('cluster') ? evolveCluster(views, known) : []),
    ...(folds('token') ? evolveToken(views, known) : []),
    ...(folds('application') ? evolveApplication(views, known, facts) : []),
    ...(folds('version') ? evolveVersion(views, known).filter(({ view }) => folds(view)) : []),
    ...(folds('target') ? evolveTarget(views, known) : []),
    ...(folds('subscription') ? evolveSubscription(views, known) : []),
    ...(folds('quarantine') ? evolveQuarantine(views, known) : []),
  ];
}
