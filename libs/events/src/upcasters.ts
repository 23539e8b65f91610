// SPDX-License-Identifier: Apache-2.0
import { payloads } from './payloads.js';

type Upcaster = (data: unknown) => unknown;

/** Pure steps from version n to n + 1, by `Type.vN`. Stored bytes never change; reading walks the steps. */
const upcasters: Readonly<Record<string, Upcaster>> = {
  // The secret may be in a variable since version 2, so its file may be absent: a reader of version 1 must not take such a subscription up.
  'SubscriptionDeclared.v1': (data) => data,
};

/** The version that this build writes for each type; 1 unless listed. */
export const currentSchemaVersions: Readonly<Record<string, number>> = { SubscriptionDeclared: 2 };

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
