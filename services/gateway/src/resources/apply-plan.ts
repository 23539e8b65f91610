// SPDX-License-Identifier: Apache-2.0
import { ConflictError, InputError, type InputIssue } from '@plumbline/core';
import type { AppendItem } from '@plumbline/event-log';
import {
  type ApplicationSpec,
  projectAllows,
  type ProjectSpec,
  type Resource,
  type ResourceKind,
  type SubscriptionSpec,
} from '@plumbline/events';
import type { GatewayState } from '../state/gateway-state.js';
import { mayDeliverTo } from './endpoint.js';
import { changedFields } from './changed-fields.js';
import {
  allDeclared,
  currentOf,
  declaration,
  type Declared,
  declaredOf,
  KINDS,
  removal,
  resourceId,
  streamOf,
} from './declared.js';

/** What an apply does with one resource. */
export interface AppliedResource {
  readonly kind: ResourceKind;
  readonly id: string;
  readonly action: 'created' | 'configured' | 'unchanged' | 'pruned';
  readonly fields: readonly string[];
}

/** What to apply. */
export interface ApplyInput {
  readonly resources: readonly Resource[];
  /** Which of the declared resources are removed when they are not in the list; none when absent. */
  readonly prunes?: ((declared: Declared) => boolean) | undefined;
  /** Hosts that subscriptions may deliver to, as the operator of the gateway says. */
  readonly deliveryHosts: readonly string[];
  /** Position of the last event in the log. */
  readonly position: number;
}

/** What an apply does, and the one append that does it. */
export interface ApplyPlan {
  readonly resources: readonly AppliedResource[];
  readonly items: readonly AppendItem[];
}

/**
 * Compares what is wanted with what is declared; changes nothing.
 * @throws InputError PLB-1704 for a resource given twice, PLB-1702 for references to what does not exist afterwards,
 * PLB-1703 for what a project does
 * not allow, PLB-1714 for an endpoint that the operator of the gateway did not allow, PLB-1705 for a subscription
 * that begins behind the end of the
 * log; ConflictError PLB-4701 when something pruned is still in use.
 */
export function planApply(state: GatewayState, input: ApplyInput): ApplyPlan {
  refuseDuplicates(input.resources);
  const after = new Map(allDeclared(state.views).map((declared) => [keyOf(declared), declared]));
  const given = new Set(input.resources.map((resource) => keyOf(declaredOf(resource))));
  const { prunes } = input;
  const pruned =
    prunes === undefined
      ? []
      : [...after.values()].filter((declared) => !given.has(keyOf(declared)) && prunes(declared));
  for (const declared of pruned) after.delete(keyOf(declared));
  for (const resource of input.resources) after.set(keyOf(declaredOf(resource)), declaredOf(resource));
  checkReferences(after, given);
  for (const resource of input.resources)
    if (resource.kind === 'Subscription') checkSubscription(state, input, resource);
  for (const declared of pruned) assertUnused(state, after, declared);
  return assemble(state, input.resources, pruned);
}

function assemble(state: GatewayState, resources: readonly Resource[], pruned: readonly Declared[]): ApplyPlan {
  const applied: AppliedResource[] = [];
  const items: AppendItem[] = [];
  const ordered = [...resources].sort((left, right) => KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind));
  for (const resource of ordered) {
    const wanted = declaredOf(resource);
    const current = currentOf(state.views, wanted.kind, wanted.id);
    const fields = current === undefined ? [] : changedFields(current, wanted);
    const action = current === undefined ? 'created' : fields.length > 0 ? 'configured' : 'unchanged';
    applied.push({ kind: wanted.kind, id: wanted.id, action, fields });
    if (action !== 'unchanged') items.push(itemFor(state, wanted.kind, wanted.id, declaration(resource)));
  }
  // What refers goes before what is referred to.
  for (const { kind, id } of [...pruned].sort((left, right) => KINDS.indexOf(right.kind) - KINDS.indexOf(left.kind))) {
    applied.push({ kind, id, action: 'pruned', fields: [] });
    items.push(itemFor(state, kind, id, removal(kind, id)));
  }
  return { resources: applied, items };
}

/** One event for the stream of a declared thing, on the condition that nothing happened to it since. */
export function itemFor(
  state: GatewayState,
  kind: ResourceKind,
  id: string,
  event: AppendItem['events'][number],
): AppendItem {
  const stream = streamOf(kind, id);
  // Notes of deliveries go to the same stream at any time and change nothing that is decided on here.
  if (kind === 'Subscription')
    return {
      stream,
      expected: { type: currentOf(state.views, kind, id) === undefined ? 'any' : 'exists' },
      events: [event],
    };
  const revision = state.revisionOf(stream);
  return {
    stream,
    expected: revision === undefined ? { type: 'noStream' } : { type: 'exact', revision },
    events: [event],
  };
}

function keyOf({ kind, id }: Pick<Declared, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

function refuseDuplicates(resources: readonly Resource[]): void {
  const seen = new Set<string>();
  const issues: InputIssue[] = [];
  for (const [index, resource] of resources.entries()) {
    const key = `${resource.kind} ${resourceId(resource)}`;
    if (seen.has(key)) issues.push({ path: `resources.${index}`, message: `${key} is given twice` });
    seen.add(key);
  }
  if (issues.length > 0) throw new InputError('PLB-1704', `a resource is given twice: ${listed(issues)}`, { issues });
}

function checkSubscription(
  state: GatewayState,
  input: ApplyInput,
  { metadata: { name }, spec }: { readonly metadata: { readonly name: string }; readonly spec: SubscriptionSpec },
): void {
  if (!mayDeliverTo(spec.url, input.deliveryHosts)) {
    throw new InputError(
      'PLB-1714',
      `subscription "${name}": nothing may be delivered to ${hostOf(spec.url)}: PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS of the gateway has to name the host (and http:// or a port, if it is not https on 443)`,
    );
  }
  const { after } = spec;
  if (after === undefined || after <= input.position || after === state.views.get('subscription', name)?.spec.after)
    return;
  throw new InputError(
    'PLB-1705',
    `subscription "${name}": there is nothing after position ${after}: the log ends at ${input.position}`,
  );
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'this address';
}

/** References and project limits, of the applications given and of those in the projects given. */
function checkReferences(after: ReadonlyMap<string, Declared>, given: ReadonlySet<string>): void {
  const missing: InputIssue[] = [];
  const refused: InputIssue[] = [];
  for (const declared of after.values()) {
    if (declared.kind !== 'Application') continue;
    const project = declared.id.slice(0, declared.id.indexOf('/'));
    if (!given.has(keyOf(declared)) && !given.has(`Project ${project}`)) continue;
    const spec = declared.spec as ApplicationSpec;
    const path = `Application ${declared.id}`;
    if (!after.has(`Project ${project}`))
      missing.push({ path: `${path} metadata.project`, message: `project "${project}" does not exist` });
    if (!after.has(`Repository ${spec.repository}`))
      missing.push({ path: `${path} spec.repository`, message: `repository "${spec.repository}" does not exist` });
    for (const cluster of namedClusters(spec)) {
      if (!after.has(`Cluster ${cluster.name}`))
        missing.push({
          path: `${path} spec.environments.${cluster.environment}.clusters.names`,
          message: `cluster "${cluster.name}" does not exist`,
        });
    }
    refused.push(...beyondProject(path, spec, after.get(`Project ${project}`)));
  }
  if (missing.length > 0)
    throw new InputError('PLB-1702', `something that is referred to does not exist: ${listed(missing)}`, {
      issues: missing,
    });
  if (refused.length > 0)
    throw new InputError('PLB-1703', `a project does not allow what its application wants: ${listed(refused)}`, {
      issues: refused,
    });
}

function listed(issues: readonly InputIssue[]): string {
  return issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

function beyondProject(path: string, spec: ApplicationSpec, declared: Declared | undefined): readonly InputIssue[] {
  if (declared === undefined) return [];
  const project = declared.spec as ProjectSpec;
  const issues: InputIssue[] = [];
  if (!projectAllows(project, 'repositories', spec.repository))
    issues.push({
      path: `${path} spec.repository`,
      message: `project "${declared.id}" does not allow repository "${spec.repository}"`,
    });
  for (const { environment, name } of namedClusters(spec)) {
    if (!projectAllows(project, 'clusters', name))
      issues.push({
        path: `${path} spec.environments.${environment}.clusters.names`,
        message: `project "${declared.id}" does not allow cluster "${name}"`,
      });
  }
  const namespaces = [spec.namespace, ...spec.environments.map(({ namespace }) => namespace)];
  for (const namespace of namespaces) {
    if (namespace !== undefined && !projectAllows(project, 'namespaces', namespace))
      issues.push({
        path: `${path} spec.namespace`,
        message: `project "${declared.id}" does not allow namespace "${namespace}"`,
      });
  }
  return issues;
}

function namedClusters(spec: ApplicationSpec): readonly { readonly environment: string; readonly name: string }[] {
  return spec.environments.flatMap((environment) =>
    (environment.clusters.names ?? []).map((name) => ({ environment: environment.name, name })),
  );
}

/**
 * Refuses to remove what others need.
 * @throws ConflictError PLB-4701 naming who needs it.
 */
export function assertUnused(
  state: GatewayState,
  after: ReadonlyMap<string, Declared>,
  removed: Pick<Declared, 'kind' | 'id'>,
): void {
  const users = usersOf(state, after, removed);
  if (users.length === 0) return;
  const shown = `${users.slice(0, 5).join(', ')}${users.length > 5 ? ` and ${users.length - 5} more` : ''}`;
  throw new ConflictError('PLB-4701', `${removed.kind.toLowerCase()} "${removed.id}" is still needed by ${shown}`, {
    details: { users },
  });
}

function usersOf(
  state: GatewayState,
  after: ReadonlyMap<string, Declared>,
  removed: Pick<Declared, 'kind' | 'id'>,
): readonly string[] {
  if (removed.kind === 'Application' || removed.kind === 'Subscription') return [];
  if (removed.kind === 'Cluster') {
    const targets = [...state.views.scan('target', '')].filter(
      ([, target]) =>
        target.cluster === removed.id && (target.inventoryDigest !== undefined || target.running !== undefined),
    );
    const named = [...after.values()].filter(
      (declared) =>
        declared.kind === 'Application' &&
        namedClusters(declared.spec as ApplicationSpec).some(({ name }) => name === removed.id),
    );
    return [...targets.map(([key]) => `target ${key}`), ...named.map(({ id }) => `application ${id}`)];
  }
  const applications = [...after.values()].filter((declared) => declared.kind === 'Application');
  if (removed.kind === 'Project')
    return applications.filter(({ id }) => id.startsWith(`${removed.id}/`)).map(({ id }) => `application ${id}`);
  return applications
    .filter(({ spec }) => (spec as ApplicationSpec).repository === removed.id)
    .map(({ id }) => `application ${id}`);
}

/** Everything that would be declared without one resource. */
export function declaredWithout(
  state: GatewayState,
  removed: Pick<Declared, 'kind' | 'id'>,
): ReadonlyMap<string, Declared> {
  const after = new Map(allDeclared(state.views).map((declared) => [keyOf(declared), declared]));
  after.delete(keyOf(removed));
  return after;
}
