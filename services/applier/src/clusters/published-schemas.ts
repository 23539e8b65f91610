// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { canonicalJson, Digest } from '@plumbline/core';
import type { KubeTransport } from '@plumbline/kube';
import { compactDocument } from '@plumbline/kube/schema';
import type { StoredContent } from '@plumbline/object-store';
import { z } from 'zod';

/** The schemas that an API server publishes and that could be read. */
export interface PublishedSchemas {
  /** Group-version path to the hash of its document. */
  readonly documents: Readonly<Record<string, string>>;
  /** `apiVersion/Kind` to the digest of its compact schema. */
  readonly digests: Readonly<Record<string, string>>;
  /** Schemas that this read returned; all others are stored already. */
  readonly contents: readonly StoredContent[];
  /** False if a document could not be read: its earlier state stays in force, and reading again may help. */
  readonly complete: boolean;
}

/** Options of {@link readSchemas}. */
export interface ReadSchemasOptions {
  /** The last reported content about this cluster: documents with the same hash are not read again. */
  readonly previous: string | undefined;
  readonly cache: SchemaCache;
  readonly timeoutMs: number;
}

type KindDigests = Readonly<Record<string, string>>;

interface DocumentSchemas {
  readonly digests: KindDigests;
  readonly contents: readonly StoredContent[];
}

const indexSchema = z.object({ paths: z.record(z.string(), z.object({ serverRelativeURL: z.string() })) });
const previousSchema = z.object({
  resources: z.array(
    z.object({ group: z.string(), version: z.string(), kind: z.string(), schema: z.string().optional() }),
  ),
  openapi: z.record(z.string(), z.string()).optional(),
});

const GROUP_VERSION = /^(?:api|apis\/[^/]+)\/v\w+$/;
const IN_FLIGHT = 4;
const MAX_SHARED = 2_000;

/**
 * Compact schemas by the hash of their document, shared by all clusters, since most clusters publish the same
 * documents.
 */
export class SchemaCache {
  readonly #documents = new Map<string, Promise<DocumentSchemas | undefined>>();

  /**
   * Reads a document unless one with the same hash was read before, on any cluster. Returns undefined if the server
   * does not answer.
   */
  async get(id: string, hash: string, read: () => Promise<string | undefined>): Promise<DocumentSchemas | undefined> {
    const shared = await this.#documents.get(id);
    if (shared !== undefined) return shared;
    const own: { schemas?: DocumentSchemas } = {};
    const reading = read()
      .then((text) => {
        if (text === undefined) return undefined;
        own.schemas = schemasOf(text);
        // Only a document whose hash is verified is shared: a cluster must not supply schemas of another one.
        return createHash('sha512').update(text).digest('hex').toUpperCase() === hash ? own.schemas : undefined;
      })
      .catch(() => undefined);
    if (this.#documents.size >= MAX_SHARED) this.#documents.clear();
    this.#documents.set(id, reading);
    const proven = await reading;
    if (proven === undefined && this.#documents.get(id) === reading) this.#documents.delete(id);
    return proven ?? own.schemas;
  }
}

function schemasOf(text: string): DocumentSchemas {
  const digests: Record<string, string> = {};
  const contents: StoredContent[] = [];
  for (const { apiVersion, kind, schema } of compactDocument(JSON.parse(text))) {
    const content = canonicalJson(schema);
    const digest = Digest.of(content);
    digests[`${apiVersion}/${kind}`] = digest;
    contents.push({ digest, content });
  }
  return { digests, contents };
}

/**
 * Returns the paths of an index with the hashes of their documents; a document without a hash always counts as
 * changed.
 */
export function hashesOf(index: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(index).map(([path, url]) => [
      path,
      new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('hash') ?? '',
    ]),
  );
}

/** Returns path and URL of every document; undefined if the server fails, `{}` if it publishes none. */
export async function readIndex(
  transport: KubeTransport,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const response = await transport.request({
    method: 'GET',
    path: '/openapi/v3',
    headers: { accept: 'application/json' },
    signal,
  });
  const text = await response.text();
  if (response.status === 404 || response.status === 403) return {};
  if (response.status !== 200) return undefined;
  const parsed = indexSchema.safeParse(JSON.parse(text));
  if (!parsed.success) return {};
  const entries = Object.entries(parsed.data.paths).filter(
    ([path, { serverRelativeURL }]) => GROUP_VERSION.test(path) && serverRelativeURL.startsWith('/openapi/v3/'),
  );
  return Object.fromEntries(entries.map(([path, { serverRelativeURL }]) => [path, serverRelativeURL]).sort());
}

/** Reads the published schemas within `timeoutMs`. Never throws: policies work without schemas, with fewer checks. */
export async function readSchemas(transport: KubeTransport, options: ReadSchemasOptions): Promise<PublishedSchemas> {
  const known = parsePrevious(options.previous);
  const signal = AbortSignal.timeout(options.timeoutMs);
  const index = await readIndex(transport, signal).catch(() => undefined);
  if (index === undefined) return { documents: known.documents, digests: known.digests, contents: [], complete: false };
  const documents: Record<string, string> = {};
  const digests: Record<string, string> = {};
  const contents: StoredContent[] = [];
  let complete = true;
  const hashes = hashesOf(index);
  const paths = Object.entries(index).values();
  const read = async (): Promise<void> => {
    for (const [path, url] of paths) {
      const hash = hashes[path] ?? '';
      const unchanged = hash !== '' && known.documents[path] === hash;
      const found = unchanged
        ? undefined
        : await options.cache.get(`${path} ${hash}`, hash, () => textAt(transport, url, signal));
      if (unchanged || found === undefined) {
        complete &&= unchanged;
        Object.assign(digests, known.byPath(path));
        if (known.documents[path] !== undefined) documents[path] = known.documents[path];
      } else {
        Object.assign(digests, found.digests);
        contents.push(...found.contents);
        documents[path] = hash;
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, read));
  return { documents, digests, contents, complete };
}

async function textAt(transport: KubeTransport, path: string, signal: AbortSignal): Promise<string | undefined> {
  const response = await transport.request({ method: 'GET', path, headers: { accept: 'application/json' }, signal });
  const text = await response.text();
  return response.status === 200 ? text : undefined;
}

interface Known {
  readonly documents: Readonly<Record<string, string>>;
  readonly digests: KindDigests;
  /** The digests of one group-version. */
  readonly byPath: (path: string) => KindDigests;
}

function parsePrevious(text: string | undefined): Known {
  const parsed = text === undefined ? undefined : previousSchema.safeParse(JSON.parse(text));
  const digests: Record<string, string> = {};
  const grouped = new Map<string, Record<string, string>>();
  for (const { group, version, kind, schema } of parsed?.data?.resources ?? []) {
    if (schema === undefined) continue;
    const [path, id] =
      group === ''
        ? [`api/${version}`, `${version}/${kind}`]
        : [`apis/${group}/${version}`, `${group}/${version}/${kind}`];
    digests[id] = schema;
    grouped.set(path, { ...grouped.get(path), [id]: schema });
  }
  return { documents: parsed?.data?.openapi ?? {}, digests, byPath: (path) => grouped.get(path) ?? {} };
}
