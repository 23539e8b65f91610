// SPDX-License-Identifier: Apache-2.0
import { ApplicationId } from '@plumbline/core';
import type { EventOf, RecordedEvent } from '@plumbline/events';
import { type RepositoryView, ViewStore, type ViewStoreSnapshot } from '@plumbline/read-models';

/** The last event that changed something for a repository. */
export interface Cause {
  readonly eventId: string;
  readonly position: number;
}

/** A request to fetch a repository now. */
export interface Refresh {
  readonly eventId: string;
  readonly correlationId: string;
  readonly position: number;
}

/** What an application wants of its repository. */
interface WantedRef {
  readonly repository: string;
  readonly ref: string;
}

interface Snapshot {
  readonly views: ViewStoreSnapshot;
  readonly applications: readonly (readonly [string, WantedRef])[];
  readonly missing: readonly (readonly [string, readonly string[]])[];
  readonly causes: readonly (readonly [string, Cause])[];
  readonly refreshes: readonly (readonly [string, Refresh])[];
}

/** Repositories, the refs that applications want of them, and what was asked for: a fold of the log. */
export class WatcherState {
  readonly #views = new ViewStore({ kinds: ['repository'] });
  readonly #applications = new Map<string, WantedRef>();
  /** Ids of applications by repository. */
  readonly #users = new Map<string, Set<string>>();
  readonly #missing = new Map<string, ReadonlySet<string>>();
  readonly #causes = new Map<string, Cause>();
  readonly #refreshes = new Map<string, Refresh>();
  readonly #dirty = new Set<string>();

  repositoryDeclared(event: EventOf<'RepositoryDeclared'>): void {
    this.#views.apply(event);
    this.#missing.delete(event.data.name);
    this.#touch(event.data.name, event);
  }

  repositoryRemoved(event: EventOf<'RepositoryRemoved'>): void {
    this.#views.apply(event);
    this.#missing.delete(event.data.name);
    this.#refreshes.delete(event.data.name);
    this.#touch(event.data.name, event);
  }

  refreshRequested({ id, correlationId, position, data }: EventOf<'RefreshRequested'>): void {
    this.#refreshes.set(data.repository, { eventId: id, correlationId, position });
    this.#dirty.add(data.repository);
  }

  revisionObserved(event: EventOf<'RevisionObserved'>): void {
    const { repository, ref } = event.data;
    this.#views.apply(event);
    const missing = this.#missing.get(repository);
    if (missing?.has(ref) === true)
      this.#missing.set(repository, new Set([...missing].filter((other) => other !== ref)));
    this.#touch(repository, event);
  }

  refMissing(event: EventOf<'RefMissing'>): void {
    const { repository, ref } = event.data;
    this.#views.apply(event);
    this.#missing.set(repository, new Set([...(this.#missing.get(repository) ?? []), ref]));
    this.#touch(repository, event);
  }

  connectionChanged(event: EventOf<'RepositoryUnreachable'> | EventOf<'RepositoryRecovered'>): void {
    this.#views.apply(event);
    this.#touch(event.data.repository, event);
  }

  applicationDeclared({ data }: EventOf<'ApplicationDeclared'>): void {
    const { repository, ref } = data.spec;
    const id = ApplicationId.parse(data.application);
    this.#forget(id);
    this.#want(id, { repository, ref });
    this.#dirty.add(repository);
  }

  /** An application that is being removed wants nothing. */
  applicationRemoved({ data }: EventOf<'ApplicationRemoved'>): void {
    this.#forget(data.application);
  }

  snapshot(): Snapshot {
    return {
      views: this.#views.snapshot(),
      applications: [...this.#applications],
      missing: [...this.#missing].map(([repository, refs]) => [repository, [...refs]]),
      causes: [...this.#causes],
      refreshes: [...this.#refreshes],
    };
  }

  restore(state: unknown): void {
    const { views, applications, missing, causes, refreshes } = state as Snapshot;
    this.#views.restore(views);
    for (const map of [this.#applications, this.#users, this.#missing, this.#causes, this.#refreshes]) map.clear();
    this.#dirty.clear();
    for (const [id, wanted] of applications) this.#want(id, wanted);
    for (const [repository, refs] of missing) this.#missing.set(repository, new Set(refs));
    for (const [repository, cause] of causes) this.#causes.set(repository, cause);
    for (const [repository, refresh] of refreshes) this.#refreshes.set(repository, refresh);
  }

  /** Names of all repositories. */
  get repositories(): readonly string[] {
    return [...this.#views.all('repository')].map(({ name }) => name);
  }

  repository(name: string): RepositoryView | undefined {
    return this.#views.get('repository', name);
  }

  /** Repositories that events have changed since the last call. */
  takeDirty(): readonly string[] {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    return dirty;
  }

  /** True when the log says that the ref does not exist at the source. */
  isMissing(repository: string, ref: string): boolean {
    return this.#missing.get(repository)?.has(ref) === true;
  }

  /** The last event about the repository: what is appended because of it has an id that is derived from it. */
  causeOf(repository: string): Cause | undefined {
    return this.#causes.get(repository);
  }

  /** The newest request to fetch the repository now. */
  refreshOf(repository: string): Refresh | undefined {
    return this.#refreshes.get(repository);
  }

  /** Refs that applications, and the repository's own declared resources, want of a repository; sorted. */
  wantedRefs(repository: string): readonly string[] {
    const refs = new Set<string>();
    const resources = this.repository(repository)?.spec.resources;
    if (resources !== undefined) refs.add(resources.ref);
    for (const id of this.#users.get(repository) ?? []) {
      const wanted = this.#applications.get(id);
      if (wanted !== undefined) refs.add(wanted.ref);
    }
    return [...refs].sort();
  }

  /** True when a wanted ref has never been looked for. */
  hasNewRef(repository: string): boolean {
    const refs = this.repository(repository)?.refs ?? {};
    return this.wantedRefs(repository).some((ref) => refs[ref] === undefined && !this.isMissing(repository, ref));
  }

  /** The project of one of the applications that use the repository; empty when none does. */
  projectOf(repository: string): string {
    for (const id of this.#users.get(repository) ?? []) return ApplicationId.project(ApplicationId.parse(id));
    return '';
  }

  #want(id: string, wanted: WantedRef): void {
    this.#applications.set(id, wanted);
    const users = this.#users.get(wanted.repository);
    if (users === undefined) this.#users.set(wanted.repository, new Set([id]));
    else users.add(id);
  }

  #forget(id: string): void {
    const before = this.#applications.get(id);
    if (before === undefined) return;
    this.#applications.delete(id);
    const users = this.#users.get(before.repository);
    users?.delete(id);
    if (users?.size === 0) this.#users.delete(before.repository);
    this.#dirty.add(before.repository);
  }

  #touch(repository: string, event: RecordedEvent): void {
    this.#causes.set(repository, { eventId: event.id, position: event.position });
    this.#dirty.add(repository);
  }
}
