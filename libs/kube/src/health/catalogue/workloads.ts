// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '../../types.js';
import { at, conditionOf, numberAt, stringAt } from '../fields.js';
import type { HealthRule, ObjectHealth } from '../health-rule.js';
import { degraded, healthy, notObserved, progressing, suspended } from './verdict.js';

/** The API's way to say that there is no progress deadline. */
const NO_DEADLINE = 2_147_483_647;

const wantedReplicas = (object: KubeObject): number => numberAt(object, 'spec', 'replicas') ?? 1;
const status = (object: KubeObject, field: string): number => numberAt(object, 'status', field) ?? 0;

function isObserved(object: KubeObject): boolean {
  return numberAt(object, 'status', 'observedGeneration') !== undefined;
}

/** `3 of 5 pods are ready`, if they are too few. */
function tooFew(have: number, want: number, what: string, reason: string): ObjectHealth | undefined {
  return have < want ? progressing(reason, `${have} of ${want} pods are ${what}`) : undefined;
}

export const deployment: HealthRule = (object) => {
  if (at(object, 'spec', 'paused') === true) return suspended('Paused', 'the rollout is paused');
  if (!isObserved(object)) return notObserved;
  const progress = conditionOf(object, 'Progressing');
  if (progress?.reason === 'ProgressDeadlineExceeded') return degraded(progress.reason, progress.message);
  return (
    deploymentReplicas(object) ??
    deploymentConditions(object) ??
    healthy(`all ${wantedReplicas(object)} pods are available`)
  );
};

function deploymentReplicas(object: KubeObject): ObjectHealth | undefined {
  const want = wantedReplicas(object);
  const failure = conditionOf(object, 'ReplicaFailure');
  const updated = status(object, 'updatedReplicas');
  const short = tooFew(updated, want, 'of the new revision', 'Updating');
  // Quota or admission keeps pods from being made; the deadline decides when that is a failure.
  if (short !== undefined && failure?.status === 'True')
    return progressing('ReplicaFailure', `${short.message}: ${failure.message}`);
  if (short !== undefined) return short;
  const surplus = status(object, 'replicas') - updated;
  if (surplus > 0) return progressing('OldPodsTerminating', `${surplus} pods of older revisions still run`);
  return (
    tooFew(status(object, 'availableReplicas'), updated, 'available', 'Unavailable') ??
    tooFew(status(object, 'readyReplicas'), want, 'ready', 'Unavailable')
  );
}

function deploymentConditions(object: KubeObject): ObjectHealth | undefined {
  const deadline = numberAt(object, 'spec', 'progressDeadlineSeconds');
  const progress = conditionOf(object, 'Progressing');
  const hasDeadline = deadline !== undefined && deadline !== NO_DEADLINE;
  if (hasDeadline && progress?.reason !== 'NewReplicaSetAvailable') {
    return progressing(progress?.reason ?? 'Updating', progress?.message ?? 'the new revision is not complete yet');
  }
  const available = conditionOf(object, 'Available');
  if (available?.status === 'True') return undefined;
  return progressing(available?.reason ?? 'Unavailable', available?.message ?? 'it is not known to be available yet');
}

export const statefulSet: HealthRule = (object) => {
  if (!isObserved(object)) return notObserved;
  const want = wantedReplicas(object);
  const surplus = status(object, 'replicas') - want;
  const short =
    tooFew(status(object, 'replicas'), want, 'created', 'Scaling') ??
    tooFew(status(object, 'readyReplicas'), want, 'ready', 'Unavailable');
  if (short !== undefined) return short;
  if (surplus > 0) return progressing('Scaling', `${surplus} surplus pods still run`);
  // Pods of this strategy change when somebody deletes them: readiness is all there is to wait for.
  if (stringAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete')
    return healthy(`all ${want} pods are ready; a new revision waits for pods to be deleted`);
  const partition = numberAt(object, 'spec', 'updateStrategy', 'rollingUpdate', 'partition') ?? 0;
  const updated = status(object, 'updatedReplicas');
  if (partition > 0) {
    const due = Math.max(0, want - partition);
    return (
      tooFew(updated, due, 'of the new revision', 'Updating') ??
      healthy(`all ${want} pods are ready, ${due} of the new revision (partition ${partition})`)
    );
  }
  const [current, update] = [
    stringAt(object, 'status', 'currentRevision'),
    stringAt(object, 'status', 'updateRevision'),
  ];
  if (current !== update)
    return progressing('Updating', `${updated} of ${want} pods are of the new revision ${update ?? ''}`);
  const min = numberAt(object, 'spec', 'minReadySeconds') ?? 0;
  const waiting = min > 0 ? tooFew(status(object, 'availableReplicas'), want, 'available', 'Unavailable') : undefined;
  return waiting ?? healthy(`all ${want} pods are ready`);
};

export const daemonSet: HealthRule = (object) => {
  if (!isObserved(object) || numberAt(object, 'status', 'desiredNumberScheduled') === undefined) return notObserved;
  const want = status(object, 'desiredNumberScheduled');
  const onDelete = stringAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  const short =
    tooFew(status(object, 'currentNumberScheduled'), want, 'scheduled', 'Scaling') ??
    (onDelete
      ? undefined
      : tooFew(status(object, 'updatedNumberScheduled'), want, 'of the new revision', 'Updating')) ??
    tooFew(status(object, 'numberAvailable'), want, 'available', 'Unavailable') ??
    tooFew(status(object, 'numberReady'), want, 'ready', 'Unavailable');
  return short ?? healthy(`the pods of all ${want} nodes are available`);
};

export const replicaSet: HealthRule = (object) => {
  if (!isObserved(object)) return notObserved;
  const want = wantedReplicas(object);
  const failure = conditionOf(object, 'ReplicaFailure');
  // Unlike a Deployment it has no deadline that would turn this into a failure.
  if (failure?.status === 'True')
    return degraded(failure.reason === '' ? 'ReplicaFailure' : failure.reason, failure.message);
  const surplus = status(object, 'replicas') - want;
  const short =
    tooFew(status(object, 'fullyLabeledReplicas'), want, 'labelled', 'Scaling') ??
    tooFew(status(object, 'availableReplicas'), want, 'available', 'Unavailable') ??
    tooFew(status(object, 'readyReplicas'), want, 'ready', 'Unavailable');
  if (short !== undefined) return short;
  return surplus > 0
    ? progressing('Scaling', `${surplus} surplus pods still run`)
    : healthy(`all ${want} pods are available`);
};
