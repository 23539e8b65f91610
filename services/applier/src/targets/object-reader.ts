// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { KubeObject } from '@plumbline/kube';
import { parseObject, unsealObject } from '@plumbline/manifest';
import type { ManifestObject, SealKey } from '@plumbline/manifest';
import type { ObjectStore, StoredContent } from '@plumbline/object-store';

/** Reads objects by digest, and stores what runs leave. */
export class ObjectReader {
  constructor(private readonly store: ObjectStore) {}

  /** One content. @throws NotFoundError PLB-3201 when it is not stored. */
  async text(digest: Digest): Promise<string> {
    return this.store.get(digest);
  }

  /** Many contents in one round trip; what is not stored is absent. */
  async texts(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    return this.store.getMany(digests);
  }

  /** Objects as rendered (Secrets sealed), by digest, in one round trip; what is not stored is absent. */
  async objects(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ManifestObject>> {
    const texts = await this.texts(digests);
    return new Map([...texts].map(([digest, content]) => [digest, parseObject(content)]));
  }

  /** Stores contents. Durable when it resolves. */
  async put(contents: readonly StoredContent[]): Promise<void> {
    await this.store.put(contents);
  }
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
