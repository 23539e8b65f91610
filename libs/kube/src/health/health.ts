// SPDX-License-Identifier: Apache-2.0
import type { HealthState } from '@plumbline/core';
import { groupOf, type KubeObject } from '../types.js';
import { catalogue } from './catalogue/index.js';
import type { HealthOptions, HealthRule, ObjectHealth } from './health-rule.js';
import { ageMs, conditionsOf, numberAt, type ObjectCondition } from './fields.js';

/** Groups of the API server itself: their kinds without a rule are fine as soon as they exist. */
const BUILT_IN = new Set([
  '',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'apps',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'extensions',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
  'storagemigration.k8s.io',
]);

/**
 * The health of one live object, in kstatus order: deletion, observed generation, Reconciling and Stalled, the rule
 * of its kind, Ready.
 * Pure: the same object and options give the same answer. `undefined` is an object that is not there.
 */
export function healthOf(object: KubeObject | undefined, options: HealthOptions): ObjectHealth {
  if (object === undefined) return healthOfMissing(options.lastKnown, options);
  return general(object, options) ?? ruleFor(object)(object, options);
}

function ruleFor(object: KubeObject): HealthRule {
  return catalogue.get(`${groupOf(object.apiVersion)}/${object.kind}`) ?? byConditions;
}

function healthOfMissing(lastKnown: KubeObject | undefined, options: HealthOptions): ObjectHealth {
  const missing: ObjectHealth = { state: 'Missing', reason: 'NotFound', message: 'the object does not exist' };
  if (lastKnown?.kind !== 'Job' || groupOf(lastKnown.apiVersion) !== 'batch') return missing;
  if (numberAt(lastKnown, 'spec', 'ttlSecondsAfterFinished') === undefined) return missing;
  const before = ruleFor(lastKnown)(lastKnown, options);
  const finished = before.reason === 'Complete' || before.state === 'Degraded';
  return finished ? { ...before, message: `${before.message}; removed by its time to live` } : missing;
}

function general(object: KubeObject, { appliedGeneration = 0 }: HealthOptions): ObjectHealth | undefined {
  const { deletionTimestamp, finalizers = [], generation = 0 } = object.metadata;
  if (deletionTimestamp !== undefined) {
    const held = finalizers.length > 0 ? `; waits for ${finalizers.join(', ')}` : '';
    return {
      state: 'Progressing',
      reason: 'Terminating',
      message: `is being deleted since ${deletionTimestamp}${held}`,
    };
  }
  const wanted = Math.max(generation, appliedGeneration);
  const observed = numberAt(object, 'status', 'observedGeneration');
  if (generation < appliedGeneration || (observed !== undefined && observed < wanted)) {
    const seen = observed === undefined ? '' : `, its controller has seen ${observed}`;
    return { state: 'Progressing', reason: 'NotObserved', message: `generation ${wanted} is wanted${seen}` };
  }
  const conditions = conditionsOf(object).filter((condition) => isCurrent(condition, wanted));
  const stalled = conditions.find(({ type, status }) => type === 'Stalled' && status === 'True');
  const reconciling = conditions.find(({ type, status }) => type === 'Reconciling' && status === 'True');
  if (reconciling !== undefined) return from('Progressing', reconciling, 'Reconciling', 'its controller is at work');
  if (stalled !== undefined) return from('Degraded', stalled, 'Stalled', 'its controller has given up');
  return undefined;
}

/**
 * The rule for kinds without one: the usual conditions, with care for those that were written about an older
 * generation.
 */
export function byConditions(object: KubeObject, options: HealthOptions): ObjectHealth {
  const conditions = conditionsOf(object);
  const wanted = Math.max(object.metadata.generation ?? 0, options.appliedGeneration ?? 0);
  const failed = conditions.find(({ type, status }) => (type === 'Failed' || type === 'Degraded') && status === 'True');
  if (failed !== undefined && isCurrent(failed, wanted))
    return from('Degraded', failed, failed.type, `its condition ${failed.type} is True`);
  const ready = conditions.find(({ type }) => type === 'Ready') ?? conditions.find(({ type }) => type === 'Available');
  if (ready !== undefined) {
    if (!isCurrent(ready, wanted))
      return {
        state: 'Progressing',
        reason: 'NotObserved',
        message: `its condition ${ready.type} is about an older generation`,
      };
    return ready.status === 'True'
      ? from('Healthy', ready, 'Ready', 'is ready')
      : from(
          'Progressing',
          ready,
          'NotReady',
          `its condition ${ready.type} is ${ready.status === '' ? 'empty' : ready.status}`,
        );
  }
  return withoutStatus(object, options) ?? { state: 'Healthy', reason: 'Exists', message: 'exists' };
}

function withoutStatus(object: KubeObject, options: HealthOptions): ObjectHealth | undefined {
  const { hasStatus = false, statusGraceMs = 60_000, nowMs, appliedAtMs } = options;
  const status = object['status'];
  const empty =
    status === undefined || status === null || (typeof status === 'object' && Object.keys(status).length === 0);
  if (!hasStatus || !empty || BUILT_IN.has(groupOf(object.apiVersion))) return undefined;
  const createdMs = ageMs(object.metadata.creationTimestamp ?? undefined, nowMs);
  const sinceMs = appliedAtMs === undefined ? createdMs : nowMs - appliedAtMs;
  if (sinceMs === undefined || sinceMs < statusGraceMs) {
    return { state: 'Progressing', reason: 'NoStatusYet', message: 'no controller has written its status yet' };
  }
  return {
    state: 'Healthy',
    reason: 'NoStatus',
    message: `exists; no controller has written a status in ${Math.round(statusGraceMs / 1000)} s`,
  };
}

function isCurrent(condition: ObjectCondition, generation: number): boolean {
  return condition.observedGeneration === undefined || condition.observedGeneration >= generation;
}

function from(state: HealthState, condition: ObjectCondition, reason: string, message: string): ObjectHealth {
  return {
    state,
    reason: condition.reason === '' ? reason : condition.reason,
    message: condition.message === '' ? message : condition.message,
  };
}
