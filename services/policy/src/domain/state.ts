// SPDX-License-Identifier: Apache-2.0
import type { EventOf, RecordedEvent } from '@plumbline/events';
import { ViewStore } from '@plumbline/read-models';

/** The event that made a decision due: decisions carry its id and correlation. */
export interface Trigger {
  readonly eventId: string;
  readonly correlationId: string;
}

/** What the policy service knows: the views, and requests that nobody has answered yet. */
export class PolicyState {
  readonly views = new ViewStore();
  readonly submissions = new Map<string, EventOf<'ApprovalSubmitted'>>();
  readonly rollbacks = new Map<string, EventOf<'RollbackRequested'>>();
  readonly #lastTriggers = new Map<string, Trigger>();
  readonly #dirty = new Map<string, Trigger>();

  /** Folds one event and marks the applications whose decisions it may change. */
  apply(event: RecordedEvent): void {
    this.views.apply(event);
    this.#trackRequests(event);
    const trigger = { eventId: event.id, correlationId: event.correlationId };
    for (const application of this.#affected(event)) {
      this.#dirty.set(application, trigger);
      this.#lastTriggers.set(application, trigger);
    }
  }

  /** Applications to look at since the last call, each with what made it due. */
  takeDirty(): ReadonlyMap<string, Trigger> {
    const taken = new Map(this.#dirty);
    this.#dirty.clear();
    return taken;
  }

  /** Marks an application as due; without a trigger, by the last event that concerned it. */
  touch(application: string, trigger?: Trigger): void {
    const due = trigger ?? this.#lastTriggers.get(application);
    if (due !== undefined) this.#dirty.set(application, due);
  }

  #trackRequests(event: RecordedEvent): void {
    switch (event.type) {
      case 'ApprovalSubmitted':
        this.submissions.set(event.id, event);
        return;
      case 'RollbackRequested':
        this.rollbacks.set(event.id, event);
        return;
      case 'ApprovalGranted':
      case 'ApprovalRefused':
      case 'VersionRejected':
        this.submissions.delete(event.causationId);
        return;
      case 'VersionReleased':
      case 'RollbackRefused':
        this.rollbacks.delete(event.causationId);
        return;
      default:
    }
  }

  *#affected(event: RecordedEvent): Iterable<string> {
    switch (event.type) {
      case 'ClusterDeclared':
      case 'ClusterRemoved':
      case 'ClusterConnected':
        for (const application of this.views.all('application')) yield application.id;
        return;
      case 'ProjectDeclared':
      case 'ProjectRemoved':
        for (const application of this.views.all('application')) {
          if (application.project === event.data.name) yield application.id;
        }
        return;
      case 'ApplicationDeclared':
      case 'ApplicationResumed':
      case 'VersionRendered':
      case 'RenderFailed':
      case 'ApprovalSubmitted':
      case 'RollbackRequested':
      case 'SyncCompleted':
      case 'HealthChanged':
      case 'VersionReleased':
      case 'TargetRemoved':
        yield event.data.application;
        return;
      default:
    }
  }
}
