// SPDX-License-Identifier: Apache-2.0
import { isObj, type MutableObj, type Obj, type Value } from '../value.js';
import { memberOf, type Schema } from '../schema/schema.js';

const ELEMENT = /^(f:|k:\{|v:|i:\d)/;

/**
 * A set of field paths as a trie. A path element is the text that `fieldsV1` uses for it: `f:name` a field, `k:{…}` a
 * list item by its
 * keys, `v:…` a list item by its value. A set that has been handed out is never changed.
 */
export class FieldSet {
  readonly members: Set<string> = new Set();
  readonly children: Map<string, FieldSet> = new Map();

  get empty(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  /** The child set of an element, made if needed; only while this set is being built. */
  childForBuild(element: string): FieldSet {
    let child = this.children.get(element);
    if (child === undefined) this.children.set(element, (child = new FieldSet()));
    return child;
  }

  /** Adds a path; only while this set is being built. */
  insert(path: readonly string[]): void {
    const last = path[path.length - 1];
    if (last === undefined) return;
    let at: FieldSet = this;
    for (let index = 0; index < path.length - 1; index++) at = at.childForBuild(path[index] ?? '');
    at.members.add(last);
  }

  has(path: readonly string[]): boolean {
    let at: FieldSet | undefined = this;
    for (let index = 0; index < path.length - 1; index++) at = at?.children.get(path[index] ?? '');
    return at?.members.has(path[path.length - 1] ?? '') ?? false;
  }

  union(other: FieldSet): FieldSet {
    if (other.empty || other === this) return this;
    if (this.empty) return other;
    const out = new FieldSet();
    for (const member of this.members) out.members.add(member);
    for (const member of other.members) out.members.add(member);
    for (const [element, child] of this.children) {
      const second = other.children.get(element);
      out.children.set(element, second === undefined ? child : child.union(second));
    }
    for (const [element, child] of other.children) if (!this.children.has(element)) out.children.set(element, child);
    return out;
  }

  intersection(other: FieldSet): FieldSet {
    const out = new FieldSet();
    for (const member of this.members) if (other.members.has(member)) out.members.add(member);
    for (const [element, child] of this.children) {
      const second = other.children.get(element);
      if (second === undefined) continue;
      const common = child.intersection(second);
      if (!common.empty) out.children.set(element, common);
    }
    return out;
  }

  difference(other: FieldSet): FieldSet {
    if (this.empty || other.empty) return this;
    const out = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) out.members.add(member);
    for (const [element, child] of this.children) {
      const second = other.children.get(element);
      const left = second === undefined ? child : child.difference(second);
      if (!left.empty) out.children.set(element, left);
    }
    return out;
  }

  /** Like `difference`, but a member of the other set takes everything below it away too. */
  recursiveDifference(other: FieldSet): FieldSet {
    if (this.empty || other.empty) return this;
    const out = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) out.members.add(member);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const second = other.children.get(element);
      const left = second === undefined ? child : child.recursiveDifference(second);
      if (!left.empty) out.children.set(element, left);
    }
    return out;
  }

  /** The same set with every declared field that has a path below it as a member itself. */
  withNamedFields(schema: Schema | undefined): FieldSet {
    const out = new FieldSet();
    for (const member of this.members) out.members.add(member);
    for (const [element, child] of this.children) {
      let below: Schema | undefined;
      if (element.startsWith('f:')) {
        const name = element.slice(2);
        if (schema?.is === 'map' && schema.fields.has(name)) out.members.add(element);
        below = schema === undefined ? undefined : memberOf(schema, name);
      } else if (schema?.is === 'list') below = schema.item;
      out.children.set(element, child.withNamedFields(below));
    }
    return out;
  }

  equals(other: FieldSet): boolean {
    if (this === other) return true;
    if (this.members.size !== other.members.size || this.children.size !== other.children.size) return false;
    for (const member of this.members) if (!other.members.has(member)) return false;
    for (const [element, child] of this.children) {
      const second = other.children.get(element);
      if (second === undefined || !child.equals(second)) return false;
    }
    return true;
  }

  /** Every path, in the order that the API server reports them. */
  paths(): string[][] {
    const out: string[][] = [];
    collect(this, [], out);
    return out;
  }

  /** The `fieldsV1` form. */
  toFieldsV1(): Obj {
    const out: MutableObj = {};
    for (const element of sortedElements([
      ...this.members,
      ...[...this.children.keys()].filter((key) => !this.members.has(key)),
    ])) {
      const child = this.children.get(element);
      const below = child?.toFieldsV1() ?? {};
      out[element] = child !== undefined && this.members.has(element) ? { '.': {}, ...below } : below;
    }
    return out;
  }

  /** The set of a `fieldsV1`; undefined if that is none. */
  static fromFieldsV1(fields: Value | undefined): FieldSet | undefined {
    const out = new FieldSet();
    if (!isObj(fields)) return undefined;
    for (const element in fields) {
      const below = fields[element];
      if (element === '.' || below === undefined) continue;
      const child = ELEMENT.test(element) ? FieldSet.fromFieldsV1(below) : undefined;
      if (child === undefined) return undefined;
      if (child.empty || (isObj(below) && below['.'] !== undefined)) out.members.add(element);
      if (!child.empty) out.children.set(element, child);
    }
    return out;
  }
}

function collect(set: FieldSet, prefix: readonly string[], out: string[][]): void {
  for (const member of sortedElements([...set.members])) out.push([...prefix, member]);
  for (const element of sortedElements([...set.children.keys()])) {
    const child = set.children.get(element);
    if (child !== undefined) collect(child, [...prefix, element], out);
  }
}

function sortedElements(elements: string[]): string[] {
  return elements.length < 2 ? elements : elements.sort(compareElements);
}

function compareElements(left: string, right: string): number {
  const kind = left.charCodeAt(0) - right.charCodeAt(0);
  if (kind !== 0) return kind;
  if (left.startsWith('k:')) return compareKeys(left, right);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Keys compare by name, then numbers as numbers: port 80 comes before port 443. */
function compareKeys(left: string, right: string): number {
  const a = Object.entries(parseKeys(left));
  const b = Object.entries(parseKeys(right));
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [leftName, leftValue] = a[index] ?? ['', ''];
    const [rightName, rightValue] = b[index] ?? ['', ''];
    if (leftName !== rightName) return leftName < rightName ? -1 : 1;
    if (leftValue === rightValue) continue;
    if (typeof leftValue === 'number' && typeof rightValue === 'number') return leftValue - rightValue;
    return String(leftValue) < String(rightValue) ? -1 : 1;
  }
  return a.length - b.length;
}

function parseKeys(element: string): Readonly<Record<string, Value>> {
  const keys: Readonly<Record<string, Value>> = JSON.parse(element.slice(2));
  return keys;
}

/** The text of a path in messages: `.spec.containers[name="app"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

/** The text of one element in messages. */
export function elementText(element: string): string {
  if (element.startsWith('f:')) return `.${element.slice(2)}`;
  if (element.startsWith('k:'))
    return `[${Object.entries(parseKeys(element))
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join(',')}]`;
  if (element.startsWith('v:')) return `[=${element.slice(2)}]`;
  return `[${element.slice(2)}]`;
}
