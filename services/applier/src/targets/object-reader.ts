// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { KubeObject } from '@plumbline/kube';
import { type ManifestObject, parseObject, type SealKey, unsealObject } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';

/** Objects as rendered (Secrets sealed), by digest, in one round trip; what is not stored is absent. */
export async function readObjects(
  store: ObjectStore,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, ManifestObject>> {
  return new Map([...(await store.getMany(digests))].map(([digest, content]) => [digest, parseObject(content)]));
}

/** A rendered object as the API takes it; values of Secrets in clear. Never let the result into an event, a log or an error. */
export function clearObject(object: ManifestObject, sealKey: SealKey): KubeObject {
  const clear = unsealObject(object, sealKey);
  return { ...clear, metadata: { ...clear.metadata } };
}

/** A rendered object for looking at its references and fields; Secrets stay sealed. */
export function asKubeObject(object: ManifestObject): KubeObject {
  return { ...object, metadata: { ...object.metadata } };
}
