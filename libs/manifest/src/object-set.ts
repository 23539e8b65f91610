// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest, InvariantError } from '@plumbline/core';
import { z } from 'zod';
import { keyOf, type ManifestObject } from './identity.js';
import { type SealKey, sealObject } from './seal.js';
import { scrubObject } from './scrub.js';

/** One object of a rendered set, with the digest of its content. */
export interface ObjectSetEntry {
  readonly key: string;
  readonly apiVersion: string;
  readonly digest: Digest;
}

/** A text and its digest. */
export interface Blob {
  readonly digest: Digest;
  readonly content: string;
}

/** An object ready for the object store. */
export interface ObjectBlob extends Blob {
  readonly key: string;
  readonly apiVersion: string;
}

const digest = z.string().transform((text) => Digest.parse(text));
const setSchema = z.object({
  objects: z.array(z.object({ key: z.string(), apiVersion: z.string(), digest })).readonly(),
});
const sourcesSchema = z.object({ sources: z.record(z.string(), z.string()) });
const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

const byText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

function blob(value: unknown): Blob {
  const content = canonicalJson(value);
  return { content, digest: Digest.of(content) };
}

/**
 * Returns the stored form of an object: scrubbed, Secrets sealed, canonical. @throws InputError PLB-1411 as
 * `scrubObject`.
 */
export function buildObject(object: ManifestObject, sealKey: SealKey): ObjectBlob {
  const sealed = sealObject(scrubObject(object), sealKey);
  return { ...blob(sealed), key: keyOf(sealed), apiVersion: sealed.apiVersion };
}

/**
 * Parses the stored form of an object; Secrets stay sealed. @throws InvariantError PLB-9401 when the text is invalid.
 */
export function parseObject(content: string): ManifestObject {
  return checked(objectSchema, content, 'object') as ManifestObject;
}

/** Returns the list of a rendered set; its digest is the render digest. The order of the entries does not matter. */
export function buildObjectSet(objects: readonly ObjectSetEntry[]): Blob {
  const entries = objects
    .map(({ key, apiVersion, digest: at }) => ({ key, apiVersion, digest: at }))
    .sort((left, right) => byText(left.key, right.key));
  return blob({ objects: entries });
}

/** Parses a set, sorted by key. @throws InvariantError PLB-9401 when the text is invalid. */
export function parseObjectSet(content: string): readonly ObjectSetEntry[] {
  return checked(setSchema, content, 'object set').objects;
}

/** Returns the list of the source of each key, as `file#document`. */
export function buildSources(sources: ReadonlyMap<string, string>): Blob {
  return blob({ sources: Object.fromEntries(sources) });
}

/** Parses a list of sources. @throws InvariantError PLB-9401 when the text is invalid. */
export function parseSources(content: string): ReadonlyMap<string, string> {
  return new Map(Object.entries(checked(sourcesSchema, content, 'list of sources').sources));
}

function checked<Schema extends z.ZodType>(schema: Schema, content: string, what: string): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new InvariantError('PLB-9401', `a stored ${what} is not JSON`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new InvariantError('PLB-9401', `a stored ${what} has an invalid form`);
  return parsed.data;
}
