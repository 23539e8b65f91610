// SPDX-License-Identifier: Apache-2.0
import { type PostgresFlavour, sharedDatabase, type TestDatabase } from '@plumbline/testkit';
import { migrateObjectStore } from '../postgres/migrate.js';
import { PostgresObjectStore } from '../postgres/postgres-object-store.js';

/** A real store on a fresh database; disposal closes it and drops the database. */
export interface TestStore extends AsyncDisposable {
  readonly store: PostgresObjectStore;
  readonly database: TestDatabase;
}

/** `await using test = await createTestStore();` gives a real, empty store. */
export async function createTestStore(options: { readonly flavour?: PostgresFlavour } = {}): Promise<TestStore> {
  const database = await sharedDatabase({ ...options, template: { key: 'objects-1', prepare: migrateObjectStore } });
  const store = new PostgresObjectStore({ url: database.url, migrate: false });
  return {
    store,
    database,
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await database[Symbol.asyncDispose]();
    },
  };
}
