// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@plumbline/kube';

/**
 * The object without one field, which is named as server-side apply names it:
 * `.spec.template.spec.containers[name="app"].imagePolicy`, `.spec.items[0].x`.
 * Undefined when it has no such field.
 */
export function withoutField(object: KubeObject, path: string): KubeObject | undefined {
  // These fields identify an object: the API server always knows them.
  return /^\.(apiVersion|kind|metadata|metadata\.name)?$/.test(path)
    ? undefined
    : (removed(object, path) as KubeObject | undefined);
}

/** Returns the object without the named fields. */
export function withoutFields(object: KubeObject, paths: readonly string[]): KubeObject {
  return paths.reduce((rest, path) => withoutField(rest, path) ?? rest, object);
}

function removed(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return removedFromList(value, path);
  if (typeof value !== 'object' || value === null || !path.startsWith('.')) return undefined;
  const members = Object.entries(value);
  // Names may contain dots: the longest that matches comes first.
  const names = members
    .map(([name]) => name)
    .filter((name) => path.startsWith(`.${name}`) && /^($|[.[])/.test(path.slice(1 + name.length)))
    .sort((a, b) => b.length - a.length);
  for (const name of names) {
    const rest = path.slice(1 + name.length);
    if (rest === '') return Object.fromEntries(members.filter(([other]) => other !== name));
    const below = removed(Reflect.get(value, name), rest);
    if (below !== undefined)
      return Object.fromEntries(members.map(([other, member]) => [other, other === name ? below : member]));
  }
  return undefined;
}

const SELECTOR = /^\[((?:"(?:[^"\\]|\\.)*"|[^\]"])*)\]/;
const PAIR = /([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]*)/g;

function removedFromList(list: readonly unknown[], path: string): unknown {
  const [whole = '', selector] = SELECTOR.exec(path) ?? [];
  if (selector === undefined) return undefined;
  const index = /^\d+$/.test(selector) ? Number(selector) : indexOf(list, selector);
  const below = removed(list[index], path.slice(whole.length));
  return below === undefined ? undefined : list.map((item, at) => (at === index ? below : item));
}

/** A key with a default, such as `protocol`, is part of the selector even if the item does not contain it. */
function indexOf(list: readonly unknown[], selector: string): number {
  const exact = list.findIndex((item) => isSelected(item, selector, { absent: false }));
  return exact >= 0 ? exact : list.findIndex((item) => isSelected(item, selector, { absent: true }));
}

function isSelected(item: unknown, selector: string, { absent }: { readonly absent: boolean }): boolean {
  if (typeof item !== 'object' || item === null) return false;
  const values = [...selector.matchAll(PAIR)].map(([, key = '', text = '']) => ({
    value: Reflect.get(item, key) as unknown,
    text,
  }));
  if (values.every(({ value }) => value === undefined)) return false;
  return values.every(({ value, text }) => (value === undefined ? absent : JSON.stringify(value) === text));
}
