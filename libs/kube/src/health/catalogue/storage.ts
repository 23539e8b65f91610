// SPDX-License-Identifier: Apache-2.0
import { stringAt } from '../fields.js';
import type { HealthRule } from '../health-rule.js';
import { degraded, healthy, notObserved, progressing } from './verdict.js';

export const persistentVolumeClaim: HealthRule = (object) => {
  const phase = stringAt(object, 'status', 'phase');
  if (phase === 'Bound') return healthy(`is bound to ${stringAt(object, 'spec', 'volumeName') ?? 'a volume'}`, 'Bound');
  if (phase === 'Lost') return degraded('Lost', 'its volume does not exist any more');
  return progressing(phase ?? 'Pending', 'waits for a volume; with a class that binds at first use it waits for a pod');
};

export const persistentVolume: HealthRule = (object) => {
  const phase = stringAt(object, 'status', 'phase');
  if (phase === 'Failed')
    return degraded('Failed', stringAt(object, 'status', 'message') ?? 'the volume could not be reclaimed');
  if (phase === undefined) return notObserved;
  return phase === 'Pending'
    ? progressing('Pending', 'the volume is not available yet')
    : healthy(`is ${phase.toLowerCase()}`, phase);
};
