// SPDX-License-Identifier: Apache-2.0
import { type Obj, objAt, type Value } from '../value.js';
import { builtinSchemas, type FieldRow, type TypeCode } from './builtin-schema.js';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

const SCALARS: Readonly<Record<string, Obj>> = {
  s: { type: 'string' },
  b: { type: 'boolean' },
  i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' },
  d: { type: 'number', format: 'double' },
  B: { type: 'string', format: 'byte' },
  T: { type: 'string', format: 'date-time' },
  M: { type: 'string', format: 'date-time' },
  q: { allOf: [reference(QUANTITY)] },
  x: { allOf: [reference(INT_OR_STRING)] },
};
const NAMED_SCALARS: Readonly<Record<string, Obj>> = {
  [QUANTITY]: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  [INT_OR_STRING]: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
};
/** What strategic merge patch does beside merging by a key; the table has the keys only. */
const STRATEGIES: Readonly<Record<string, string>> = {
  'DeploymentSpec.strategy': 'retainKeys',
  'PodSpec.volumes': 'merge,retainKeys',
};
/** What the published schema gives as default of a field that is always written. */
const ZEROS: Readonly<Record<string, Value>> = { s: '', b: false, i: 0, l: 0, d: 0 };
/** References whose name may be left out, as a default says. */
const NAMELESS = new Set(['LocalObjectReference.name']);

/** The schemas of one document, as `/openapi/v3` publishes them: everything that the added kinds reach. */
export class PublishedTypes {
  readonly schemas: Record<string, Value> = { ...NAMED_SCALARS };

  /** A built-in kind by the index of its type. */
  addBuiltin(index: number, kind: Obj): void {
    const name = this.#struct(index);
    this.schemas[name] = { ...objAt(this.schemas, name), 'x-kubernetes-group-version-kind': [kind] };
  }

  /** A custom kind by the schema of its definition. */
  addCustom(openApi: Obj, kind: { readonly group: string; readonly version: string; readonly kind: string }): void {
    const name = [...kind.group.split('.').reverse(), kind.version, kind.kind].join('.');
    const identity = {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { allOf: [reference(this.#objectMeta())] },
    };
    this.schemas[name] = {
      ...openApi,
      properties: { ...objAt(openApi, 'properties'), ...identity },
      'x-kubernetes-group-version-kind': [kind],
    };
  }

  #objectMeta(): string {
    const index = builtinSchemas().table.types.findIndex(([name]) => name === 'ObjectMeta');
    return this.#struct(index);
  }

  #struct(index: number): string {
    const name = nameOf(index);
    if (name in this.schemas) return name;
    const [short = '', rows = []] = builtinSchemas().table.types[index] ?? [];
    // Taken before its fields are looked at: types refer to themselves.
    this.schemas[name] = {};
    const properties = Object.fromEntries(rows.map((row) => [row[0], this.#property(row, short)]));
    this.schemas[name] = rows.length === 0 ? { type: 'object' } : { type: 'object', properties };
    return name;
  }

  #property([field, code, flag, fallback]: FieldRow, owner: string): Obj {
    const id = `${owner}.${field}`;
    const strategy = STRATEGIES[id];
    const zero = NAMELESS.has(id) ? '' : flag === 'r' && typeof code === 'string' ? ZEROS[code] : undefined;
    const default_ = fallback === undefined || fallback === 0 ? zero : fallback;
    return {
      ...this.#type(code),
      ...(default_ === undefined ? {} : { default: default_ }),
      ...(strategy === undefined ? {} : { 'x-kubernetes-patch-strategy': strategy }),
    };
  }

  #type(code: TypeCode): Obj {
    if (typeof code === 'number') return { allOf: [reference(this.#struct(code))] };
    if (typeof code === 'string') return SCALARS[code] ?? { 'x-kubernetes-preserve-unknown-fields': true };
    if (code[0] === 'm')
      return {
        type: 'object',
        additionalProperties: this.#type(code[1]),
        ...(code[2] === 1 ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      };
    const [, item, shape, mergeKey] = code;
    const keys: readonly string[] = Array.isArray(shape) ? shape : [];
    return {
      type: 'array',
      items: this.#type(item),
      'x-kubernetes-list-type': shape === 'set' ? 'set' : keys.length > 0 ? 'map' : 'atomic',
      ...(keys.length === 0 ? {} : { 'x-kubernetes-list-map-keys': keys }),
      ...(mergeKey === undefined ? {} : { 'x-kubernetes-patch-strategy': 'merge' }),
      ...(mergeKey === undefined || mergeKey === '' ? {} : { 'x-kubernetes-patch-merge-key': mergeKey }),
    };
  }
}

function reference(name: string): Obj {
  return { $ref: `#/components/schemas/${name}` };
}

let names: readonly string[] | undefined;

/** A type is called after the group-version that reaches it first; the table numbers them in that order. */
function nameOf(index: number): string {
  names ??= allNames();
  return names[index] ?? `io.k8s.unknown.${index}`;
}

function allNames(): readonly string[] {
  const { resources, types } = builtinSchemas().table;
  const starts = Object.entries(resources)
    .flatMap(([id, rows]) => rows.filter(({ t }) => t >= 0).map(({ t }) => [t, id] as const))
    .sort(([left], [right]) => left - right);
  const taken = new Map<string, number>();
  let next = 0;
  return types.map(([short], index) => {
    while (next + 1 < starts.length && (starts[next + 1]?.[0] ?? index + 1) <= index) next += 1;
    if (short === 'ObjectMeta') return OBJECT_META;
    const [group = '', version = ''] = (starts[next]?.[1] ?? '').split('/');
    const name = `io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] ?? group)}.${version}.${short}`;
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    return count === 0 ? name : `${name}${count + 1}`;
  });
}
