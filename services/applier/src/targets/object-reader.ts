// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '@plumbline/core';
import type { KubeObject } from '@plumbline/kube';
import { parseObject, unsealObject } from '@plumbline/manifest';
import type { ManifestObject, SealKey } from '@plumbline/manifest';
import type { ObjectStore, StoredContent } from '@plumbline/object-store';

/** Reads content by digest and keeps what was read lately; the same objects serve versions, targets and clusters. */
export class ObjectReader {
  readonly #recent = new Map<Digest, string>();
  #bytes = 0;

  constructor(
    private readonly store: ObjectStore,
    private readonly maxBytes: number,
  ) {}

  /** One content. @throws NotFoundError PLB-3201 when it is not stored. */
  async text(digest: Digest): Promise<string> {
    const known = this.#recent.get(digest);
    if (known !== undefined) return known;
    const content = await this.store.get(digest);
    this.#keep(digest, content);
    return content;
  }

  /** Many contents in one round trip; what is not stored is absent. */
  async texts(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    const found = new Map<Digest, string>();
    const missing: Digest[] = [];
    for (const digest of new Set(digests)) {
      const known = this.#recent.get(digest);
      if (known === undefined) missing.push(digest);
      else found.set(digest, known);
    }
    if (missing.length > 0) {
      for (const [digest, content] of await this.store.getMany(missing)) {
        this.#keep(digest, content);
        found.set(digest, content);
      }
    }
    return found;
  }

  /** Objects as rendered (Secrets sealed), by digest. */
  async objects(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ManifestObject>> {
    const texts = await this.texts(digests);
    return new Map([...texts].map(([digest, content]) => [digest, parseObject(content)]));
  }

  /** Stores contents and keeps them at hand. Durable when it resolves. */
  async put(contents: readonly StoredContent[]): Promise<void> {
    await this.store.put(contents);
    for (const { digest, content } of contents) this.#keep(digest, content);
  }

  #keep(digest: Digest, content: string): void {
    if (this.#recent.has(digest)) return;
    this.#recent.set(digest, content);
    this.#bytes += content.length;
    for (const [oldest, text] of this.#recent) {
      if (this.#bytes <= this.maxBytes) return;
      this.#recent.delete(oldest);
      this.#bytes -= text.length;
    }
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
