// SPDX-License-Identifier: Apache-2.0
import { ageMs, conditionOf, conditionsOf, stringAt } from '../fields.js';
import type { HealthRule } from '../health-rule.js';
import { degraded, healthy, notObserved, progressing } from './verdict.js';

/** An aggregated API whose pods have just started is not broken yet. */
const API_GRACE_MS = 120_000;

export const customResourceDefinition: HealthRule = (object) => {
  const names = conditionOf(object, 'NamesAccepted');
  if (names?.status === 'False') return degraded(names.reason || 'NamesNotAccepted', names.message);
  const established = conditionOf(object, 'Established');
  if (established?.status === 'True') return healthy('the API is served', 'Established');
  if (established === undefined) return notObserved;
  const installing = established.reason === 'Installing' || established.reason === '';
  return installing
    ? progressing('Installing', established.message || 'the API is being installed')
    : degraded(established.reason, established.message);
};

export const apiService: HealthRule = (object, { nowMs }) => {
  const available = conditionOf(object, 'Available');
  if (available === undefined) return notObserved;
  if (available.status === 'True')
    return healthy(available.message || 'the API is available', available.reason || 'Available');
  const forMs = ageMs(available.lastTransitionTime, nowMs) ?? 0;
  const reason = available.reason || 'Unavailable';
  return forMs < API_GRACE_MS ? progressing(reason, available.message) : degraded(reason, available.message);
};

export const namespace: HealthRule = (object) => {
  const phase = stringAt(object, 'status', 'phase');
  if (phase === 'Active') return healthy('is active', 'Active');
  if (phase === undefined) return notObserved;
  const held = conditionsOf(object)
    .filter(({ status, message }) => status === 'True' && message !== '')
    .map(({ message }) => message);
  return progressing('Terminating', held.length > 0 ? `is being deleted: ${held.join('; ')}` : 'is being deleted');
};
