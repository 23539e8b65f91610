// SPDX-License-Identifier: Apache-2.0
import { GrpcLogTree, LogChannel } from '@plumbline/event-log/client';
import { logTreeContract } from '@plumbline/event-log/testing';
import { freshDatabase, openSigned } from './tree.fixture.js';

logTreeContract('on PostgreSQL', async () => {
  const database = await freshDatabase();
  const audit = await openSigned(database);
  await audit.parts.log.whenLeading();
  return {
    log: audit.parts.log,
    tree: audit.parts.tree.tree,
    [Symbol.asyncDispose]: async () => {
      await audit.close();
      await database[Symbol.asyncDispose]();
    },
  };
});

logTreeContract('over the gRPC door', async () => {
  const database = await freshDatabase();
  const audit = await openSigned(database);
  await audit.parts.log.whenLeading();
  const token = 'a service token of the test';
  const channel = new LogChannel({ url: await audit.parts.openDoor({ listen: '127.0.0.1:0', token }), token });
  return {
    log: audit.parts.log,
    tree: new GrpcLogTree(channel),
    [Symbol.asyncDispose]: async () => {
      channel.close();
      await audit.close();
      await database[Symbol.asyncDispose]();
    },
  };
});
