// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { sharedDatabase } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import pg from 'pg';
import { expect, it } from 'vitest';
import { objectStoreContract } from '../testing/object-store.contract.js';
import { createTestStore } from '../testing/test-store.js';
import { PostgresObjectStore } from './postgres-object-store.js';

for (const flavour of ['embedded18', 'debian15'] as const) {
  describeWith(`postgres:${flavour}`, `on PostgreSQL ${flavour}`, () => {
    objectStoreContract(`postgres ${flavour}`, () => createTestStore({ flavour }));
  });
}

describeWith('postgres:embedded18', 'the object store on PostgreSQL', () => {
  it('is migrated at the first use, by several processes at once', async () => {
    await using database = await sharedDatabase();
    await using one = new PostgresObjectStore({ url: database.url });
    await using two = new PostgresObjectStore({ url: database.url });
    const digest = Digest.of('first');
    await Promise.all([one, two].map((store) => store.put([{ digest, content: 'first' }])));
    expect(await two.get(digest)).toBe('first');
  });

  it('notices that somebody changed a row', async () => {
    await using test = await createTestStore();
    const digest = Digest.of('honest');
    await test.store.put([{ digest, content: 'honest' }]);
    const client = new pg.Client({ connectionString: test.database.url });
    await client.connect();
    await client.query("update objects.content set content = 'forged'");
    await client.end();
    await expect(test.store.get(digest)).rejects.toMatchObject({ code: 'PLB-9201' });
  });

  it('says that it is not reachable, without the password of the URL', async () => {
    await using store = new PostgresObjectStore({ url: 'postgres://me:s3cret@127.0.0.1:1/none', migrate: false });
    const error: unknown = await store.getMany([Digest.of('x')]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PLB-6020', retry: 'after-delay' });
    expect(String(error)).not.toContain('s3cret');
  });
});
