// SPDX-License-Identifier: Apache-2.0
import { payloads } from './payloads.js';

/** Returns data of a version as data of the next one. */
export type Upcaster = (data: unknown) => unknown;

/** Pure steps from version n to n + 1, by `Type.vN`. Stored bytes never change; reading walks the steps. */
const upcasters: Record<string, Upcaster> = {
  // The secret may be in a variable since version 2, so its file may be absent: a reader of version 1 must not take
  // such a subscription up.
  'SubscriptionDeclared.v1': (data) => data,
};

const versions: Record<string, number> = { SubscriptionDeclared: 2 };

/** The version that this build writes for each type; 1 unless listed. */
export const currentSchemaVersions: Readonly<Record<string, number>> = versions;

/** Data in today's form, or undefined when the version (or the type) is newer than this build. */
export function upcast(type: string, schemaVersion: number, data: unknown): unknown {
  const current = currentSchemaVersions[type] ?? 1;
  if (schemaVersion > current || !Object.hasOwn(payloads, type)) return undefined;
  let value = data;
  for (let version = schemaVersion; version < current; version += 1) {
    const step = upcasters[`${type}.v${version}`];
    if (step === undefined) return undefined;
    value = step(value);
  }
  return value;
}

/** Adds a version to a type, for specs: `step` upcasts from the version before. The returned function removes it. */
export function addSchemaVersion(type: string, step: Upcaster): () => void {
  const before = versions[type];
  const name = `${type}.v${before ?? 1}`;
  versions[type] = (before ?? 1) + 1;
  upcasters[name] = step;
  return () => {
    delete upcasters[name];
    if (before === undefined) delete versions[type];
    else versions[type] = before;
  };
}
