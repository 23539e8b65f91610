// SPDX-License-Identifier: Apache-2.0
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import { ViewStore, type ViewStoreSnapshot } from '@plumbline/read-models';
import { POLICY_KINDS, type PolicyViews } from './policy-views.js';

/** The event that made a decision due: decisions carry its id and correlation. */
export interface Trigger {
  readonly eventId: string;
  readonly correlationId: string;
}

/** An event about one application. */
export type ApplicationEvent = Extract<PlumblineEvent, { readonly data: { readonly application: string } }>;

interface Snapshot {
  readonly views: ViewStoreSnapshot;
  readonly submissions: readonly EventOf<'ApprovalSubmitted'>[];
  readonly rollbacks: readonly EventOf<'RollbackRequested'>[];
  readonly triggers: readonly (readonly [string, Trigger])[];
}

/** What decisions are made from: the read models, and requests that have no answer yet. A fold of the log. */
export class PolicyState {
  readonly #views = new ViewStore({ kinds: POLICY_KINDS });
  readonly #submissions = new Map<string, EventOf<'ApprovalSubmitted'>>();
  readonly #rollbacks = new Map<string, EventOf<'RollbackRequested'>>();
  readonly #triggers = new Map<string, Trigger>();
  readonly #dirty = new Set<string>();

  get views(): PolicyViews {
    return this.#views;
  }

  /** An event that changes documents, and no decision by itself. */
  documentsChanged(event: PlumblineEvent): void {
    this.#views.apply(event);
  }

  /** An event after which the decisions of its application may be others. */
  applicationChanged(event: ApplicationEvent): void {
    this.#views.apply(event);
    this.#touch(event.data.application, event);
  }

  /** An event after which the decisions of every application may be others. */
  clustersChanged(event: PlumblineEvent): void {
    this.#views.apply(event);
    for (const { id } of this.#views.all('application')) this.#touch(id, event);
  }

  projectChanged(event: EventOf<'ProjectDeclared'> | EventOf<'ProjectRemoved'>): void {
    this.#views.apply(event);
    for (const { id, project } of this.#views.all('application'))
      if (project === event.data.name) this.#touch(id, event);
  }

  approvalSubmitted(event: EventOf<'ApprovalSubmitted'>): void {
    this.#submissions.set(event.id, event);
    this.#touch(event.data.application, event);
  }

  /** The answer to an approval. */
  approvalAnswered(event: EventOf<'ApprovalGranted'> | EventOf<'ApprovalRefused'> | EventOf<'VersionRejected'>): void {
    this.#views.apply(event);
    this.#submissions.delete(event.causationId);
  }

  rollbackRequested(event: EventOf<'RollbackRequested'>): void {
    this.#rollbacks.set(event.id, event);
    this.#touch(event.data.application, event);
  }

  rollbackRefused(event: EventOf<'RollbackRefused'>): void {
    this.#rollbacks.delete(event.causationId);
  }

  /** A release answers the rollback that caused it. */
  versionReleased(event: EventOf<'VersionReleased'>): void {
    this.applicationChanged(event);
    this.#rollbacks.delete(event.causationId);
  }

  snapshot(): Snapshot {
    return {
      views: this.#views.snapshot(),
      submissions: [...this.#submissions.values()],
      rollbacks: [...this.#rollbacks.values()],
      triggers: [...this.#triggers],
    };
  }

  restore(state: unknown): void {
    const { views, submissions, rollbacks, triggers } = state as Snapshot;
    this.#views.restore(views);
    for (const map of [this.#submissions, this.#rollbacks, this.#triggers]) map.clear();
    for (const event of submissions) this.#submissions.set(event.id, event);
    for (const event of rollbacks) this.#rollbacks.set(event.id, event);
    for (const [application, trigger] of triggers) this.#triggers.set(application, trigger);
    this.#dirty.clear();
  }

  /** Ids of all applications. */
  get applications(): readonly string[] {
    return [...this.#views.all('application')].map(({ id }) => id);
  }

  /** Applications whose decisions may have changed since the last call. */
  takeDirty(): readonly string[] {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    return dirty;
  }

  /** The last event that made decisions of the application due. */
  triggerOf(application: string): Trigger | undefined {
    return this.#triggers.get(application);
  }

  /** Approvals of an application that have no answer yet, in the order in which they were submitted. */
  submissionsOf(application: string): readonly EventOf<'ApprovalSubmitted'>[] {
    return [...this.#submissions.values()].filter((event) => event.data.application === application);
  }

  /** Rollbacks of an application that have no answer yet, in the order in which they were requested. */
  rollbacksOf(application: string): readonly EventOf<'RollbackRequested'>[] {
    return [...this.#rollbacks.values()].filter((event) => event.data.application === application);
  }

  #touch(application: string, { id, correlationId }: PlumblineEvent): void {
    this.#triggers.set(application, { eventId: id, correlationId });
    this.#dirty.add(application);
  }
}
