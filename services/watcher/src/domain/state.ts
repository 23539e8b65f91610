// SPDX-License-Identifier: Apache-2.0
import type { EventOf, RecordedEvent } from '@plumbline/events';
import { ViewStore } from '@plumbline/read-models';

/** The event that last moved something for a repository. */
export interface Cause {
  readonly eventId: string;
  readonly position: number;
}

/** What the watcher knows: a fold of the log. */
export class WatcherState {
  readonly views = new ViewStore();
  readonly #missing = new Map<string, Set<string>>();
  readonly #causes = new Map<string, Cause>();
  readonly #refreshes = new Map<string, EventOf<'RefreshRequested'>>();
  readonly #dirty = new Set<string>();

  /** Folds one event. */
  apply(event: RecordedEvent): void {
    const before =
      event.type === 'ApplicationDeclared' || event.type === 'ApplicationRemoved'
        ? this.views.get('application', event.data.application)
        : undefined;
    this.views.apply(event);
    switch (event.type) {
      case 'RepositoryDeclared':
        this.#missing.delete(event.data.name);
        this.#touch(event.data.name, event);
        break;
      case 'RepositoryRemoved':
        this.#missing.delete(event.data.name);
        this.#refreshes.delete(event.data.name);
        this.#touch(event.data.name, event);
        break;
      case 'RefreshRequested':
        this.#refreshes.set(event.data.repository, event);
        this.#dirty.add(event.data.repository);
        break;
      case 'RevisionObserved':
        this.#missing.get(event.data.repository)?.delete(event.data.ref);
        this.#touch(event.data.repository, event);
        break;
      case 'RefMissing':
        this.#missing.set(
          event.data.repository,
          (this.#missing.get(event.data.repository) ?? new Set()).add(event.data.ref),
        );
        this.#touch(event.data.repository, event);
        break;
      case 'RepositoryUnreachable':
      case 'RepositoryRecovered':
        this.#touch(event.data.repository, event);
        break;
      case 'ApplicationDeclared':
      case 'ApplicationRemoved':
        if (before !== undefined) this.#dirty.add(before.spec.repository);
        if (event.type === 'ApplicationDeclared') this.#dirty.add(event.data.spec.repository);
        break;
      default:
    }
  }

  #touch(repository: string, event: RecordedEvent): void {
    this.#causes.set(repository, { eventId: event.id, position: event.position });
    this.#dirty.add(repository);
  }

  /** Repositories that events have touched since the last call. */
  takeDirty(): readonly string[] {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    return dirty;
  }

  /** True when the log says that the ref does not exist at the source. */
  isMissing(repository: string, ref: string): boolean {
    return this.#missing.get(repository)?.has(ref) === true;
  }

  /** The last event about the repository; a to-do that is derived from it is done once. */
  causeOf(repository: string): Cause | undefined {
    return this.#causes.get(repository);
  }

  /** The newest request to look at the repository now. */
  refreshOf(repository: string): EventOf<'RefreshRequested'> | undefined {
    return this.#refreshes.get(repository);
  }

  /** Refs that applications (and the repository's own declared resources) want of a repository, sorted. An application that is being removed wants none. */
  wantedRefs(repository: string): readonly string[] {
    const refs = new Set<string>();
    const resources = this.views.get('repository', repository)?.spec.resources;
    if (resources !== undefined) refs.add(resources.ref);
    for (const application of this.views.all('application')) {
      if (application.spec.repository === repository && application.removal === undefined)
        refs.add(application.spec.ref);
    }
    return [...refs].sort();
  }

  /** True when a wanted ref has never been looked for. */
  hasNewRef(repository: string): boolean {
    const refs = this.views.get('repository', repository)?.refs ?? {};
    return this.wantedRefs(repository).some((ref) => refs[ref] === undefined && !this.isMissing(repository, ref));
  }
}
