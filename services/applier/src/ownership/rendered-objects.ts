// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { KubeObject } from '@plumbline/kube';
import { type ManifestObject, parseObject, type SealKey, unsealObject } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';

/**
 * Reads rendered objects by digest in one round trip. Values of Secrets stay sealed; objects that are not stored are
 * absent.
 */
export async function readObjects(
  store: ObjectStore,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, ManifestObject>> {
  return new Map([...(await store.getMany(digests))].map(([digest, content]) => [digest, parseObject(content)]));
}

/**
 * Returns a rendered object as the API accepts it, values of Secrets in clear. The result must never reach an event,
 * a log line or an error.
 */
export function clearObject(object: ManifestObject, sealKey: SealKey): KubeObject {
  const clear = unsealObject(object, sealKey);
  return { ...clear, metadata: { ...clear.metadata } };
}

/** Returns a rendered object for reading its references and fields; values of Secrets stay sealed. */
export function asKubeObject(object: ManifestObject): KubeObject {
  return { ...object, metadata: { ...object.metadata } };
}
