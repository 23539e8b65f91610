// SPDX-License-Identifier: Apache-2.0
import { isList, isObj, type Obj, type Value } from '../value.js';

/** An object that its holder may change: a private copy. */
export interface Draft {
  [key: string]: DraftValue | undefined;
}

export type DraftValue = string | number | boolean | null | DraftValue[] | Draft;

/** A private deep copy. */
export function draftOf(value: Obj): Draft {
  const out: Draft = {};
  for (const key in value) {
    const member = value[key];
    if (member !== undefined) out[key] = copyOf(member);
  }
  return out;
}

function copyOf(value: Value): DraftValue {
  if (isList(value)) return value.map(copyOf);
  return isObj(value) ? draftOf(value) : value;
}

export function isDraft(value: DraftValue | undefined): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets a member that is absent, null or an empty text. */
export function fill(draft: Draft, key: string, value: DraftValue): void {
  const now = draft[key];
  if (now === undefined || now === null || now === '') draft[key] = value;
}

/** Sets a number that is absent or zero. */
export function fillZero(draft: Draft, key: string, value: number): void {
  const now = draft[key];
  if (now === undefined || now === null || now === 0) draft[key] = value;
}

/** A member object, made if it is not there. */
export function child(draft: Draft, key: string): Draft {
  const now = draft[key];
  if (isDraft(now)) return now;
  const made: Draft = {};
  draft[key] = made;
  return made;
}

/** The objects of a member list. */
export function drafts(draft: Draft, key: string): Draft[] {
  const list = draft[key];
  return Array.isArray(list) ? list.filter(isDraft) : [];
}

/** Whether a member is absent or has nothing in it. */
export function lacks(draft: Draft, key: string): boolean {
  const now = draft[key];
  if (now === undefined || now === null || now === '') return true;
  return Array.isArray(now) ? now.length === 0 : isDraft(now) && Object.keys(now).length === 0;
}
