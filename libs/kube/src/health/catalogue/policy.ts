// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '../../types.js';
import { ageMs, conditionOf, conditionsOf, numberAt, type ObjectCondition, toCondition } from '../fields.js';
import type { HealthRule } from '../health-rule.js';
import { degraded, healthy, notObserved, progressing } from './verdict.js';

/** Metrics of fresh pods take a while; until then an autoscaler that cannot read them is not broken. */
const METRICS_GRACE_MS = 120_000;

export const podDisruptionBudget: HealthRule = (object) => {
  if (numberAt(object, 'status', 'observedGeneration') === undefined) return notObserved;
  const allowed = conditionOf(object, 'DisruptionAllowed');
  if (allowed?.reason === 'SyncFailed') return degraded('SyncFailed', allowed.message);
  const [current, desired, expected] = ['currentHealthy', 'desiredHealthy', 'expectedPods'].map(
    (field) => numberAt(object, 'status', field) ?? 0,
  );
  if (expected === 0) return healthy('matches no pods', 'NoPods');
  return (current ?? 0) < (desired ?? 0)
    ? progressing('InsufficientPods', `${current} pods are healthy, ${desired} are wanted at the least`)
    : healthy(`${current} pods are healthy, ${desired} are wanted at the least`, 'SufficientPods');
};

export const horizontalPodAutoscaler: HealthRule = (object, { nowMs }) => {
  const conditions = autoscalerConditions(object);
  if (conditions.length === 0) return notObserved;
  const able = conditions.find(({ type }) => type === 'AbleToScale');
  const active = conditions.find(({ type }) => type === 'ScalingActive');
  const broken =
    able?.status === 'False'
      ? able
      : active?.status === 'False' && active.reason !== 'ScalingDisabled'
        ? active
        : undefined;
  if (broken === undefined)
    return active === undefined && able === undefined
      ? notObserved
      : healthy(active?.message || 'can scale its target');
  const forMs = ageMs(broken.lastTransitionTime, nowMs) ?? METRICS_GRACE_MS;
  return forMs < METRICS_GRACE_MS
    ? progressing(broken.reason, broken.message)
    : degraded(broken.reason, broken.message);
};

/** `autoscaling/v1` has its conditions as JSON in an annotation. */
function autoscalerConditions(object: KubeObject): readonly ObjectCondition[] {
  const listed = conditionsOf(object);
  const text = object.metadata.annotations?.['autoscaling.alpha.kubernetes.io/conditions'];
  if (listed.length > 0 || text === undefined) return listed;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.map(toCondition) : [];
  } catch {
    // Anybody can write an annotation; a broken one says nothing.
    return [];
  }
}
