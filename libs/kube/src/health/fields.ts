// SPDX-License-Identifier: Apache-2.0
// Reads raw JSON of unknown shape: what is missing or of another type is undefined, never an exception.

/** One entry of `status.conditions`. */
export interface ObjectCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string | undefined;
  readonly observedGeneration: number | undefined;
}

/** The value at a path of keys. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[key];
  }
  return current;
}

/** The number at a path. Some controllers write generations as text. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  if (typeof found === 'number') return found;
  return typeof found === 'string' && /^\d+$/.test(found) ? Number(found) : undefined;
}

/** The text at a path. */
export function stringAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** All conditions of an object. */
export function conditionsOf(object: unknown): readonly ObjectCondition[] {
  return listAt(object, 'status', 'conditions').map(toCondition);
}

/** One condition in the common form. */
export function toCondition(raw: unknown): ObjectCondition {
  return {
    type: stringAt(raw, 'type') ?? '',
    status: stringAt(raw, 'status') ?? '',
    reason: stringAt(raw, 'reason') ?? '',
    message: stringAt(raw, 'message') ?? '',
    lastTransitionTime: stringAt(raw, 'lastTransitionTime'),
    observedGeneration: numberAt(raw, 'observedGeneration'),
  };
}

/** The condition of a type. */
export function conditionOf(object: unknown, type: string): ObjectCondition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type);
}

/** Milliseconds since a time stamp; undefined when there is none. */
export function ageMs(time: string | undefined, nowMs: number): number | undefined {
  const timeMs = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(timeMs) ? undefined : nowMs - timeMs;
}
