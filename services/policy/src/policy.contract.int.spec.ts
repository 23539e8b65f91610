// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApplicationId, StreamName, uuidv7 } from '@plumbline/core';
import { actorOf } from '@plumbline/event-log/testing';
import { applicationSpec, clusterSpec } from '@plumbline/events';
import { buildObjectSet, generateReleaseKeys } from '@plumbline/manifest';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import { startTestService } from '@plumbline/platform/testing';
import { reactorContract } from '@plumbline/reactor/testing';
import { tempDir, waitUntil } from '@plumbline/testkit';
import { beforeEach } from 'vitest';
import { commitBy } from './domain/history.fixture.js';
import { PolicyModule } from './policy.module.js';

const digest = `sha256:${'b'.repeat(64)}`;
const set = buildObjectSet([{ key: '/ConfigMap/web/a', apiVersion: 'v1', digest: digest as never }]);
const idOf = (index: number): ApplicationId => ApplicationId.parse(`web${index}`);
let directory: Awaited<ReturnType<typeof tempDir>>;

beforeEach(async () => {
  directory = await tempDir('policy');
  await writeFile(path.join(directory.path, 'release.key'), generateReleaseKeys().privateKeyPem);
  return async () => directory[Symbol.asyncDispose]();
});

reactorContract('the policy service', {
  start: async (log) => {
    const objects = new MemoryObjectStore();
    await objects.put([set]);
    if ((await log.head()) === 0) {
      const data = { name: 'east', labels: {}, spec: clusterSpec.parse({ kubeconfig: { path: '/east' } }) };
      await log.append({
        requestId: uuidv7(Date.now()),
        actor: { kind: 'user', id: 'u', name: 'Ada' },
        service: 'gateway',
        items: [
          {
            stream: StreamName.cluster('east'),
            expected: { type: 'any' },
            events: [{ type: 'ClusterDeclared', data }],
          },
        ],
      });
    }
    const service = await startTestService({
      module: PolicyModule,
      name: 'policy',
      log,
      objects,
      settings: {
        PLUMBLINE_POLICY_SIGNING_KEY_FILE: path.join(directory.path, 'release.key'),
        PLUMBLINE_DATA_DIR: directory.path,
      },
    });
    return {
      reactor: service.reactor,
      readiness: () => service.readiness('policy'),
      metric: async (name) => service.metrics.valueOf(name, { consumer: 'policy' }),
      [Symbol.asyncDispose]: async () => service.stop(),
    };
  },
  event: (index, note) => {
    const spec = applicationSpec.parse({
      repository: 'shop',
      environments: [{ name: 'staging', clusters: { names: ['east'] } }],
    });
    return {
      stream: StreamName.application(idOf(index)),
      event: { type: 'ApplicationDeclared', data: { application: idOf(index), labels: { note }, spec } },
    };
  },
  worked: async (index, { reactor }, log) => {
    const stream = StreamName.version(idOf(index), 1);
    await log.append({
      requestId: uuidv7(Date.now()),
      actor: actorOf('renderer'),
      service: 'renderer',
      items: [
        {
          stream,
          expected: { type: 'noStream' },
          events: [
            {
              type: 'VersionRendered',
              data: {
                application: idOf(index),
                environment: 'staging',
                version: 1,
                repository: 'shop',
                revision: 'c'.repeat(40),
                commit: commitBy('dana@example.com'),
                inputDigest: digest,
                renderDigest: set.digest,
                sourcesDigest: digest,
                renderer: 'plain',
                objectCount: 1,
                createNamespace: true,
              },
            },
          ],
        },
      ],
    });
    reactor.checkLog();
    await waitUntil(`a release of web${index}`, async () =>
      (await log.readStream(stream)).some(({ type }) => type === 'VersionReleased'),
    );
  },
});
