// SPDX-License-Identifier: Apache-2.0
import { isObj, type Obj, textAt, type Value } from '../value.js';

/** The conditions with one set: its transition time moves only when its status does. */
export function withCondition(
  conditions: readonly Value[],
  condition: Obj & { readonly type: string; readonly status: string },
  now: string,
  moreTimes: readonly string[] = [],
): readonly Value[] {
  const index = conditions.findIndex((entry) => textAt(entry, 'type') === condition.type);
  const known = conditions[index];
  const old: Obj = isObj(known) ? known : {};
  const moved = textAt(old, 'status') !== condition.status;
  const same =
    !moved &&
    textAt(old, 'reason') === textAt(condition, 'reason') &&
    textAt(old, 'message') === textAt(condition, 'message');
  if (same) return conditions;
  const times: Record<string, Value> = { lastTransitionTime: moved ? now : (textAt(old, 'lastTransitionTime') ?? now) };
  for (const key of moreTimes) times[key] = now;
  const hasUpdateTime = condition.type === 'Available' || condition.type === 'Progressing';
  const next: Obj = {
    ...condition,
    ...times,
    ...(hasUpdateTime && moreTimes.length === 0 ? { lastUpdateTime: now } : {}),
  };
  return index === -1 ? [...conditions, next] : conditions.map((entry, at) => (at === index ? next : entry));
}
