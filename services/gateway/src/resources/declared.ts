// SPDX-License-Identifier: Apache-2.0
import { assertNever, StreamName } from '@plumbline/core';
import type { NewEvent, Resource, ResourceKind } from '@plumbline/events';
import type { ViewReader } from '@plumbline/read-models';

/** A declared resource, in the form in which two of them are compared. */
export interface Declared {
  readonly kind: ResourceKind;
  /** `NAME`, or `PROJECT/NAME`. */
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Resource['spec'];
  /** Id of the actor who declared it; absent for what is wanted. */
  readonly by?: string;
}

/** The order in which things are declared: what is referred to first. */
export const KINDS: readonly ResourceKind[] = ['Project', 'Repository', 'Cluster', 'Application', 'Subscription'];

/** Name of a resource within its kind. */
export function resourceId(resource: Resource): string {
  return resource.kind === 'Application'
    ? `${resource.metadata.project}/${resource.metadata.name}`
    : resource.metadata.name;
}

/** A resource as it is compared. */
export function declaredOf(resource: Resource): Declared {
  return { kind: resource.kind, id: resourceId(resource), labels: resource.metadata.labels, spec: resource.spec };
}

/** The resource as it is declared now; an application whose removal goes on is not declared any more. */
export function currentOf(views: ViewReader, kind: ResourceKind, id: string): Declared | undefined {
  const document = documentOf(views, kind, id);
  return document === undefined ? undefined : { kind, id, labels: document.labels, spec: document.spec };
}

function documentOf(
  views: ViewReader,
  kind: ResourceKind,
  id: string,
): { readonly labels: Readonly<Record<string, string>>; readonly spec: Resource['spec'] } | undefined {
  switch (kind) {
    case 'Project':
      return views.get('project', id);
    case 'Repository':
      return views.get('repository', id);
    case 'Cluster':
      return views.get('cluster', id);
    case 'Application': {
      const application = views.get('application', id);
      return application?.removal === undefined ? application : undefined;
    }
    case 'Subscription':
      return views.get('subscription', id);
    default:
      return assertNever(kind, 'resource kind');
  }
}

/** Everything declared now. */
export function allDeclared(views: ViewReader): readonly Declared[] {
  const all: Declared[] = [];
  for (const kind of ['Project', 'Repository', 'Cluster', 'Subscription'] as const) {
    const view = (
      { Project: 'project', Repository: 'repository', Cluster: 'cluster', Subscription: 'subscription' } as const
    )[kind];
    for (const [id, { labels, spec, declared }] of views.scan(view, ''))
      all.push({ kind, id, labels, spec, by: declared.by.id });
  }
  for (const [id, { labels, spec, removal, declared }] of views.scan('application', '')) {
    if (removal === undefined) all.push({ kind: 'Application', id, labels, spec, by: declared.by.id });
  }
  return all;
}

/** The stream of a declared thing. */
export function streamOf(kind: ResourceKind, id: string): string {
  switch (kind) {
    case 'Project':
      return StreamName.project(id);
    case 'Repository':
      return StreamName.repository(id);
    case 'Cluster':
      return StreamName.cluster(id);
    case 'Application':
      return StreamName.application(id);
    case 'Subscription':
      return StreamName.subscription(id);
    default:
      return assertNever(kind, 'resource kind');
  }
}

/** The event that declares a resource. */
export function declaration(resource: Resource): NewEvent {
  const { labels, name } = resource.metadata;
  switch (resource.kind) {
    case 'Project':
      return { type: 'ProjectDeclared', data: { name, labels, spec: resource.spec } };
    case 'Repository':
      return { type: 'RepositoryDeclared', data: { name, labels, spec: resource.spec } };
    case 'Cluster':
      return { type: 'ClusterDeclared', data: { name, labels, spec: resource.spec } };
    case 'Application':
      return { type: 'ApplicationDeclared', data: { application: resourceId(resource), labels, spec: resource.spec } };
    case 'Subscription':
      return { type: 'SubscriptionDeclared', data: { name, labels, spec: resource.spec } };
    default:
      return assertNever(resource, 'resource');
  }
}

/** The event that removes a resource. */
export function removal(kind: ResourceKind, id: string, mode: 'Delete' | 'Orphan' = 'Delete'): NewEvent {
  switch (kind) {
    case 'Project':
      return { type: 'ProjectRemoved', data: { name: id } };
    case 'Repository':
      return { type: 'RepositoryRemoved', data: { name: id } };
    case 'Cluster':
      return { type: 'ClusterRemoved', data: { name: id } };
    case 'Application':
      return { type: 'ApplicationRemoved', data: { application: id, mode } };
    case 'Subscription':
      return { type: 'SubscriptionRemoved', data: { name: id } };
    default:
      return assertNever(kind, 'resource kind');
  }
}
