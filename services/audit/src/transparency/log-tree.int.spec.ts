// SPDX-License-Identifier: Apache-2.0
import { GrpcLogTree, LogChannel } from '@plumbline/event-log/client';
import { logTreeContract } from '@plumbline/event-log/testing';
import { freshDatabase, openSigned } from './tree.fixture.js';
import { TOKEN } from '../testing/test-credentials.js';

logTreeContract('on PostgreSQL', async () => {
  const database = await freshDatabase();
  const audit = await openSigned(database);
  await audit.log.whenLeading();
  return {
    log: audit.log,
    tree: audit.transparency.tree,
    [Symbol.asyncDispose]: async () => {
      await audit.close();
      await database[Symbol.asyncDispose]();
    },
  };
});

logTreeContract('over the gRPC door', async () => {
  const database = await freshDatabase();
  const audit = await openSigned(database);
  await audit.log.whenLeading();
  const channel = new LogChannel({ url: audit.url, token: TOKEN });
  return {
    log: audit.log,
    tree: new GrpcLogTree(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await audit.close();
      await database[Symbol.asyncDispose]();
    },
  };
});
