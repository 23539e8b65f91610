// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApplicationId, StreamName, uuidv7 } from '@plumbline/core';
import { actorOf } from '@plumbline/event-log/testing';
import { applicationSpec, repositorySpec } from '@plumbline/events';
import { generateSealKey } from '@plumbline/manifest';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import { reactorContract } from '@plumbline/reactor/testing';
import { startGit, tempDir, waitUntil } from '@plumbline/testkit';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { configMap, startRenderer } from './renderer.fixture.js';

const person = { name: 'Ada', email: 'ada@example.com' };
const time = '2026-01-01T00:00:00Z';
let git: Awaited<ReturnType<typeof startGit>>;
let source: { readonly url: string; readonly revision: string };
let directory: Awaited<ReturnType<typeof tempDir>>;
let keyFile = '';

beforeAll(async () => {
  git = await startGit();
  const repository = await git.createRepository('shop');
  source = { url: repository.url, revision: await repository.commit({ files: { 'a.yaml': configMap('a') } }) };
});
afterAll(async () => git[Symbol.asyncDispose]());
beforeEach(async () => {
  directory = await tempDir('renderer');
  keyFile = path.join(directory.path, 'seal.key');
  await writeFile(keyFile, generateSealKey());
  return async () => directory[Symbol.asyncDispose]();
});

reactorContract('the renderer', {
  start: async (log) => {
    if ((await log.head()) === 0) {
      const { url, revision } = source;
      const commit = {
        sha: revision,
        author: person,
        committer: person,
        coAuthors: [],
        message: 'Change',
        authoredAt: time,
        committedAt: time,
      };
      const stream = StreamName.repository('shop');
      await log.append({
        requestId: uuidv7(Date.now()),
        actor: { kind: 'user', id: 'u', name: 'Ada' },
        service: 'gateway',
        items: [
          {
            stream,
            expected: { type: 'any' },
            events: [
              { type: 'RepositoryDeclared', data: { name: 'shop', labels: {}, spec: repositorySpec.parse({ url }) } },
            ],
          },
        ],
      });
      await log.append({
        requestId: uuidv7(Date.now()),
        actor: actorOf('watcher'),
        service: 'watcher',
        items: [
          {
            stream,
            expected: { type: 'any' },
            events: [
              {
                type: 'RevisionObserved',
                data: { repository: 'shop', ref: 'main', revision, forced: false, commit },
              },
            ],
          },
        ],
      });
    }
    const service = await startRenderer({ log, store: new MemoryObjectStore(), directory: directory.path, keyFile });
    return {
      reactor: service.reactor,
      readiness: () => service.readiness('renderer'),
      metric: async (name) => service.metrics.valueOf(name, { consumer: 'renderer' }),
      [Symbol.asyncDispose]: async () => service.stop(),
    };
  },
  event: (index, note) => {
    const application = ApplicationId.parse(`web${index}`);
    const spec = applicationSpec.parse({
      repository: 'shop',
      environments: [{ name: 'staging', clusters: { names: ['one'] } }],
    });
    return {
      stream: StreamName.application(application),
      event: { type: 'ApplicationDeclared', data: { application, labels: { note }, spec } },
    };
  },
  worked: async (index, _subject, log) =>
    waitUntil(
      `a version of web${index}`,
      async () => (await log.readStream(StreamName.version(ApplicationId.parse(`web${index}`), 1))).length > 0,
    ),
});
