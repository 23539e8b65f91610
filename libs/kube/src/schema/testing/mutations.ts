// SPDX-License-Identifier: Apache-2.0

/** One small change of an object. */
export interface Mutation {
  readonly type: 'unknown' | 'type' | 'missing' | 'null';
  /** Which change, where. */
  readonly what: string;
  readonly object: unknown;
}

type Path = readonly (string | number)[];

/**
 * Every object with an unknown field in one place, a value of another type in one place, one field left out, or one
 * set to null. Identity stays.
 */
export function* mutationsOf(object: unknown): Generator<Mutation> {
  for (const { path, value } of places(object, [])) {
    const at = path.join('.');
    if (isMap(value))
      yield { type: 'unknown', what: `unknown ${at}`, object: withValue(object, [...path, 'zzUnknown'], 1) };
    if (path.length === 0 || /^(apiVersion|kind|status|metadata(\.(name|namespace))?)$/.test(at)) continue;
    for (const other of othersThan(value))
      yield { type: 'type', what: `${at} = ${JSON.stringify(other)}`, object: withValue(object, path, other) };
    yield { type: 'null', what: `${at} = null`, object: withValue(object, path, null) };
    if (typeof path.at(-1) === 'string')
      yield { type: 'missing', what: `without ${at}`, object: withValue(object, path, undefined) };
  }
}

function othersThan(value: unknown): readonly unknown[] {
  const samples: readonly unknown[] = ['x', 7, true, [1], { a: 'b' }];
  const others = samples.filter(
    (sample) => Array.isArray(sample) !== Array.isArray(value) || typeof sample !== typeof value,
  );
  return typeof value === 'number' ? [1.5, ...others] : others;
}

function* places(value: unknown, path: Path): Generator<{ readonly path: Path; readonly value: unknown }> {
  yield { path, value };
  if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* places(item, [...path, index]);
  else if (isMap(value)) for (const [key, member] of Object.entries(value)) yield* places(member, [...path, key]);
}

function withValue(value: unknown, [first, ...rest]: Path, changed: unknown): unknown {
  if (first === undefined) return changed;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (index === first ? withValue(item, rest, changed) : item));
  const members = isMap(value) ? value : {};
  const member = withValue(members[first], rest, changed);
  const { [first]: _old, ...others } = members;
  return member === undefined ? others : { ...others, [first]: member };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
