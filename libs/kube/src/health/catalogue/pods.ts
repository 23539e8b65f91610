// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '../../types.js';
import { ageMs, conditionOf, listAt, numberAt, stringAt } from '../fields.js';
import type { HealthRule, ObjectHealth } from '../health-rule.js';
import { degraded, healthy, progressing } from './verdict.js';

/** The scheduler tries again on its own; this long it is given. */
const UNSCHEDULABLE_GRACE_MS = 15_000;

export const pod: HealthRule = (object, { nowMs }) => {
  const phase = stringAt(object, 'status', 'phase');
  if (phase === 'Succeeded') return healthy('has run to completion', 'Succeeded');
  if (phase === 'Failed') return degraded(stringAt(object, 'status', 'reason') ?? 'Failed', failureMessage(object));
  const stuck = stuckContainer(object);
  if (stuck !== undefined) return stuck;
  const scheduled = conditionOf(object, 'PodScheduled');
  if (phase !== 'Running' && scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const forMs = ageMs(scheduled.lastTransitionTime, nowMs) ?? 0;
    return forMs > UNSCHEDULABLE_GRACE_MS
      ? degraded('Unschedulable', scheduled.message)
      : progressing('Unschedulable', scheduled.message);
  }
  if (phase !== 'Running') return progressing(phase ?? 'Pending', 'the pod is not running yet');
  // Pods without restart policy Always are meant to complete.
  const restartPolicy = stringAt(object, 'spec', 'restartPolicy') ?? 'Always';
  if (restartPolicy !== 'Always') return progressing('Running', 'runs and has not completed yet');
  const ready = conditionOf(object, 'Ready');
  return ready?.status === 'True'
    ? healthy('is ready')
    : progressing(ready?.reason || 'NotReady', ready?.message || 'is not ready yet');
};

function containerStatuses(object: KubeObject): readonly unknown[] {
  return [...listAt(object, 'status', 'initContainerStatuses'), ...listAt(object, 'status', 'containerStatuses')];
}

/**
 * A container that waits for a reason that time alone seldom mends: CrashLoopBackOff, ImagePullBackOff, ErrImagePull,
 * CreateContainerConfigError…
 */
function stuckContainer(object: KubeObject): ObjectHealth | undefined {
  for (const container of containerStatuses(object)) {
    const reason = stringAt(container, 'state', 'waiting', 'reason');
    if (reason === undefined || !/^Err|Error$|BackOff$|^InvalidImageName$/.test(reason)) continue;
    const message = stringAt(container, 'state', 'waiting', 'message');
    return degraded(reason, `container ${stringAt(container, 'name') ?? ''}: ${message ?? reason}`);
  }
  return undefined;
}

function failureMessage(object: KubeObject): string {
  const told = stringAt(object, 'status', 'message');
  if (told !== undefined && told !== '') return told;
  for (const container of containerStatuses(object)) {
    const code = numberAt(container, 'state', 'terminated', 'exitCode');
    if (code !== undefined && code !== 0) {
      return `container ${stringAt(container, 'name') ?? ''} ended with ${stringAt(container, 'state', 'terminated', 'reason') ?? 'Error'} (exit code ${code})`;
    }
  }
  return 'the pod has failed';
}
