// SPDX-License-Identifier: Apache-2.0
import { definedKind, dependenciesOf, isWebhookConfiguration, isWorkload, type SetObject } from './references.js';
import type { ObjectRef } from '@plumbline/kube';

/** The order of the writes of a set. Objects of one level do not depend on each other. */
export interface ApplyOrder {
  readonly levels: readonly (readonly SetObject[])[];
  /** Keys that each object depends on. */
  readonly dependencies: ReadonlyMap<string, ReadonlySet<string>>;
  /** Keys on a loop; empty when there is none. */
  readonly cycle: readonly string[];
}

const DEFINITIONS = new Set([
  '/Namespace',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/StorageClass',
  'node.k8s.io/RuntimeClass',
  'networking.k8s.io/IngressClass',
  'gateway.networking.k8s.io/GatewayClass',
]);
const FOUNDATIONS = new Set([
  '/ResourceQuota',
  '/LimitRange',
  'networking.k8s.io/NetworkPolicy',
  '/ServiceAccount',
  '/Secret',
  '/ConfigMap',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
]);
const LAST_PHASE = 3;

/**
 * Phase of a GroupKind: definitions, foundations, everything else, webhooks. Keyed with the group, so
 * `serving.knative.dev/Service` is no core Service.
 */
function phaseOf(ref: ObjectRef): number {
  const groupKind = `${ref.group}/${ref.kind}`;
  if (DEFINITIONS.has(groupKind)) return 0;
  if (FOUNDATIONS.has(groupKind)) return 1;
  return isWebhookConfiguration(ref) ? LAST_PHASE : 2;
}

/** Order within a level, for readers and for sequential writes; concurrent writes of a level do not depend on it. */
const RANK = [
  '/Namespace',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/StorageClass',
  'apiextensions.k8s.io/CustomResourceDefinition',
  '/ResourceQuota',
  '/LimitRange',
  'networking.k8s.io/NetworkPolicy',
  '/ServiceAccount',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/RoleBinding',
  '/Secret',
  '/ConfigMap',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
  '/Service',
  'apps/DaemonSet',
  '/Pod',
  'apps/ReplicaSet',
  'apps/Deployment',
  'autoscaling/HorizontalPodAutoscaler',
  'apps/StatefulSet',
  'batch/Job',
  'batch/CronJob',
  'networking.k8s.io/Ingress',
  'apiregistration.k8s.io/APIService',
];
const RANKS = new Map(RANK.map((groupKind, index) => [groupKind, index]));

function compare(a: SetObject, b: SetObject): number {
  const rank =
    (RANKS.get(`${a.ref.group}/${a.ref.kind}`) ?? RANK.length) -
    (RANKS.get(`${b.ref.group}/${b.ref.kind}`) ?? RANK.length);
  return rank !== 0 ? rank : a.key < b.key ? -1 : 1;
}

/**
 * Returns the levels of a set, by phase of the kind and by references. A dependency on a later phase moves an object
 * to that phase.
 */
export function applyOrder(objects: readonly SetObject[]): ApplyOrder {
  const set = new Map(objects.map((object) => [object.key, object]));
  const definitions = new Map<string, string>();
  for (const { key, object } of objects) {
    const kind = definedKind(object);
    if (kind !== undefined) definitions.set(kind, key);
  }
  const dependencies = new Map(objects.map((node) => [node.key, dependenciesOf(node, set, definitions)]));
  const walk = new LevelWalk(set, dependencies);
  for (const { key } of objects) if (!walk.visit(key)) return { levels: [], dependencies, cycle: walk.loop };
  const levels = new Map<number, SetObject[]>();
  for (const node of objects) {
    const at = walk.levelOf(node.key);
    const level = levels.get(at);
    if (level === undefined) levels.set(at, [node]);
    else level.push(node);
  }
  const sorted = [...levels.entries()].sort(([a], [b]) => a - b).map(([, level]) => level.sort(compare));
  return { levels: sorted, dependencies, cycle: [] };
}

interface Place {
  readonly phase: number;
  readonly depth: number;
}

class LevelWalk {
  readonly #set: ReadonlyMap<string, SetObject>;
  readonly #dependencies: ReadonlyMap<string, ReadonlySet<string>>;

  loop: readonly string[] = [];
  readonly #places = new Map<string, Place>();
  readonly #path: string[] = [];

  constructor(set: ReadonlyMap<string, SetObject>, dependencies: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#set = set;
    this.#dependencies = dependencies;
  }

  /** A number that sorts by phase, then by depth. */
  levelOf(key: string): number {
    const place = this.#places.get(key);
    return place === undefined ? 0 : place.phase * 1_000_000 + place.depth;
  }

  /** Returns false if the key is on a loop. */
  visit(key: string): boolean {
    if (this.#places.has(key)) return true;
    const seen = this.#path.indexOf(key);
    if (seen >= 0) {
      this.loop = [...this.#path.slice(seen), key];
      return false;
    }
    this.#path.push(key);
    const node = this.#set.get(key);
    let place: Place = { phase: node === undefined ? 0 : phaseOf(node.ref), depth: 0 };
    for (const dependency of this.#dependencies.get(key) ?? []) {
      if (!this.visit(dependency)) return false;
      const before = this.#places.get(dependency) ?? { phase: 0, depth: 0 };
      if (before.phase > place.phase) place = { phase: before.phase, depth: before.depth + 1 };
      else if (before.phase === place.phase)
        place = { phase: place.phase, depth: Math.max(place.depth, before.depth + 1) };
    }
    this.#path.pop();
    this.#places.set(key, place);
    return true;
  }
}

/** The order of deletions. An object may be deleted once no object in `after` exists. */
export interface PruneOrder {
  readonly levels: readonly (readonly SetObject[])[];
  /** Keys of the same run whose objects must no longer exist first; an accepted deletion is not enough. */
  readonly after: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Returns the reverse of the apply order, with webhook configurations first, and custom resources before the
 * workloads that may run their
 * controller. Namespaces wait for their contents, definitions for their custom resources.
 */
export function pruneOrder(objects: readonly SetObject[], isCustom: (ref: ObjectRef) => boolean): PruneOrder {
  const { levels: ascending } = applyOrder(objects);
  const ordered = ascending.length === 0 ? [objects] : ascending.toReversed();
  const custom = objects.filter(({ ref }) => isCustom(ref));
  const levels = ordered
    .flatMap((level) => [
      level.filter(({ ref }) => isCustom(ref)),
      level.filter(({ ref }) => !isCustom(ref)).toReversed(),
    ])
    .filter((level) => level.length > 0);
  const after = new Map<string, ReadonlySet<string>>();
  for (const node of objects) {
    const { ref, object } = node;
    const defined = definedKind(object);
    if (ref.group === '' && ref.kind === 'Namespace')
      after.set(node.key, new Set(objects.filter((inner) => inner.ref.namespace === ref.name).map(({ key }) => key)));
    else if (defined !== undefined)
      after.set(
        node.key,
        new Set(custom.filter((inner) => `${inner.ref.group}/${inner.ref.kind}` === defined).map(({ key }) => key)),
      );
    else if (isWorkload(ref) && custom.length > 0) after.set(node.key, new Set(custom.map(({ key }) => key)));
  }
  return { levels: customFirst(levels, isCustom), after };
}

/** Moves custom resources before the first level with a workload, after the webhook configurations. */
function customFirst(
  levels: readonly (readonly SetObject[])[],
  isCustom: (ref: ObjectRef) => boolean,
): readonly (readonly SetObject[])[] {
  const isHookLevel = (level: readonly SetObject[]): boolean => level.some(({ ref }) => isWebhookConfiguration(ref));
  const isCustomLevel = (level: readonly SetObject[]): boolean => level.every(({ ref }) => isCustom(ref));
  return [
    ...levels.filter(isHookLevel),
    ...levels.filter((level) => !isHookLevel(level) && isCustomLevel(level)),
    ...levels.filter((level) => !isHookLevel(level) && !isCustomLevel(level)),
  ];
}
