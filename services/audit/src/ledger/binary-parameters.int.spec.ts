// SPDX-License-Identifier: Apache-2.0
import { uuidv7 } from '@plumbline/core';
import { isolatedDatabase } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import pg from 'pg';
import { expect, it } from 'vitest';
import { int4Array, int8Array, textArray, uuidArray } from './binary-parameters.js';

const ids = Array.from({ length: 3 }, () => uuidv7(Date.now()));
const cases = [
  ['integer[]', int4Array, [0, 1, -1, 2_147_483_647, -2_147_483_648]],
  [
    'bigint[]',
    int8Array,
    [0, 1, -1, 2 ** 32, 2 ** 32 - 1, -(2 ** 32), -(2 ** 32) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  ],
  ['uuid[]', uuidArray, ids],
  [
    'text[]',
    textArray,
    ['', 'project-a', 'NULL', '"quoted", {braces} and \\backslashes', 'umlaut ä, emoji 👩‍🚀, tab\tand\nline'],
  ],
] as const;

for (const flavour of ['embedded18', 'debian15'] as const) {
  describeWith(`postgres:${flavour}`, `arrays in binary form on PostgreSQL ${flavour}`, () => {
    it.each(cases)(
      '%s arrives as it is',
      async (type, encode: (values: never) => Buffer, values: readonly (string | number)[]) => {
        await using database = await isolatedDatabase({ flavour });
        const client = new pg.Client({ connectionString: database.url });
        await client.connect();
        try {
          for (const given of [values, values.slice(0, 1), []]) {
            const { rows } = await client.query<{ items: string[]; size: number }>(
              `select coalesce($1::${type}, '{}')::text[] as items, cardinality($1::${type}) as size`,
              [encode(given as never)],
            );
            expect(rows[0]).toEqual({ items: given.map(String), size: given.length });
          }
        } finally {
          await client.end();
        }
      },
    );
  });
}
