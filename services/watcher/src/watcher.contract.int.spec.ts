// SPDX-License-Identifier: Apache-2.0
import { StreamName } from '@plumbline/core';
import { repositorySpec } from '@plumbline/events';
import { reactorContract } from '@plumbline/reactor/testing';
import { startGit, tempDir, waitUntil } from '@plumbline/testkit';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startWatcher } from './watcher.fixture.js';

let git: Awaited<ReturnType<typeof startGit>>;
let url = '';
let directory: Awaited<ReturnType<typeof tempDir>>;

beforeAll(async () => {
  git = await startGit();
  const repository = await git.createRepository('shop');
  await repository.commit({ files: { a: 'a' } });
  url = repository.url;
});
afterAll(async () => git[Symbol.asyncDispose]());
beforeEach(async () => {
  directory = await tempDir('watcher');
  return async () => directory[Symbol.asyncDispose]();
});

reactorContract('the watcher', {
  start: async (log) => {
    const service = await startWatcher(log, directory.path);
    return {
      reactor: service.reactor,
      readiness: () => service.readiness('watcher'),
      metric: async (name) => service.metrics.valueOf(name, { consumer: 'watcher' }),
      [Symbol.asyncDispose]: async () => service.stop(),
    };
  },
  event: (index, note) => ({
    stream: StreamName.repository(`shop${index}`),
    event: {
      type: 'RepositoryDeclared',
      data: { name: `shop${index}`, labels: { note }, spec: repositorySpec.parse({ url, interval: '1h' }) },
    },
  }),
  worked: async (index, _subject, log) => {
    await waitUntil(`a fetch of shop${index}`, async () =>
      (await log.readStream(StreamName.repository(`shop${index}`))).some(({ type }) => type === 'RepositoryRecovered'),
    );
  },
});
