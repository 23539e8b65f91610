// SPDX-License-Identifier: Apache-2.0
import type { ObjectHealth } from '../health-rule.js';

export const healthy = (message: string, reason = 'Ready'): ObjectHealth => ({ state: 'Healthy', reason, message });
export const progressing = (reason: string, message: string): ObjectHealth => ({
  state: 'Progressing',
  reason,
  message,
});
export const suspended = (reason: string, message: string): ObjectHealth => ({ state: 'Suspended', reason, message });
export const degraded = (reason: string, message: string): ObjectHealth => ({ state: 'Degraded', reason, message });

/** The API server has defaulted and stored the object; its controller has not looked at it. */
export const notObserved: ObjectHealth = progressing('NotObserved', 'its controller has not seen it yet');
