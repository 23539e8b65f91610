// SPDX-License-Identifier: Apache-2.0
import { errorDefinition } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { openApiDocument } from './openapi.js';
import type { AnyOperation } from './operation.js';
import { allOperations } from './operations/index.js';
import { PRESENT_ONLY } from './present-only.js';

type Json = { readonly [key: string]: Json } & { readonly description?: string; readonly $ref?: string };

/**
 * Fields without a description of their own: those of resource specs, whose schemas are in @plumbline/events and
 * described there one by one.
 * This list may only shrink.
 */
const UNDESCRIBED: readonly string[] = [];

const document = openApiDocument('0.1.0') as unknown as Json;
const operations = allOperations;

function shownOf({ path, method }: AnyOperation): Json {
  return (document['paths'] as Json)[path]?.[method.toLowerCase()] as Json;
}

function* fields(path: string, schema: Json | undefined): Generator<readonly [string, Json]> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Json)) {
    yield [`${path}.${name}`, field as Json];
    yield* fields(`${path}.${name}`, field as Json);
  }
  for (const part of ['items', 'additionalProperties'] as const) yield* fields(`${path}[]`, schema[part]);
  for (const part of ['oneOf', 'anyOf', 'allOf'] as const) {
    for (const [index, option] of Object.entries((schema[part] ?? []) as Json))
      yield* fields(`${path}|${index}`, option as Json);
  }
}

describe('the OpenAPI document', () => {
  it('is version 3.1.0 and names the licence', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { license: { identifier: 'Apache-2.0' } } });
  });

  it('has an operation for every method of the controllers, with ids that are unique', () => {
    const ids = operations.map(({ id }) => id);
    expect(ids.length).toBeGreaterThanOrEqual(35);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(operations.map((served) => [served.id, served] as const))(
    '%s has a summary, error codes with meanings, and examples that fit the schemas',
    (_, served) => {
      const shown = shownOf(served);
      expect(shown['summary']).toMatch(/^[A-Z].*\.$/s);
      const codes = shown['x-error-codes'] as unknown as readonly string[];
      expect(codes).toContain('PLB-9000');
      expect(codes.filter((code) => errorDefinition(code) === undefined)).toEqual([]);
      expect(served.response.safeParse(served.example).error?.issues ?? []).toEqual([]);
      if (served.bodyExample !== undefined)
        expect(served.body.safeParse(served.bodyExample).error?.issues ?? []).toEqual([]);
    },
  );

  it('lets every read look back, but for those that say why they cannot', () => {
    const reads = operations.filter(({ method }) => method === 'GET');
    const looksBack = (served: AnyOperation): readonly string[] => {
      const names = Object.values(shownOf(served)['parameters'] ?? {}).map((parameter) =>
        String((parameter as Json)['name']),
      );
      return ['asOf', 'knownAt'].filter((name) => names.includes(name));
    };
    expect(
      reads
        .filter((served) => looksBack(served).length < 2)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(Object.keys(PRESENT_ONLY).sort());
    expect(reads.filter((served) => looksBack(served).length === 1)).toEqual([]);
    expect(Object.values(PRESENT_ONLY).filter((why) => why.length < 10)).toEqual([]);
  });

  it('describes every parameter', () => {
    const missing = operations.flatMap((served) => {
      const shown = shownOf(served);
      return Object.values(shown['parameters'] ?? {}).flatMap((parameter) =>
        (parameter as Json).description === undefined ? [`${served.id} ${String((parameter as Json)['name'])}`] : [],
      );
    });
    expect(missing).toEqual([]);
  });

  it('describes every field but those listed', () => {
    const schemas = document['components']?.['schemas'] as Json;
    const missing = Object.entries(schemas).flatMap(([name, schema]) =>
      [...fields(name, schema as Json)]
        .filter(([, field]) => field.description === undefined && field.$ref === undefined)
        .map(([path]) => path),
    );
    expect([...new Set(missing)].sort()).toEqual([...UNDESCRIBED].sort());
  });

  it('refers only to components that exist', () => {
    const schemas = document['components']?.['schemas'] as Json;
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? '',
    );
    expect([...new Set(references)].filter((name) => !Object.hasOwn(schemas, name))).toEqual([]);
  });
});
