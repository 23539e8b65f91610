// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { StreamName } from '@plumbline/core';
import { startTestService } from '@plumbline/platform/testing';
import { reactorContract } from '@plumbline/reactor/testing';
import { tempDir, waitUntil } from '@plumbline/testkit';
import { beforeEach } from 'vitest';
import { clusterConnector } from './clusters/connect.js';
import { testConfig, testModule } from './testing/applier-fixture.js';

let directory: Awaited<ReturnType<typeof tempDir>>;

beforeEach(async () => {
  directory = await tempDir('applier');
  return async () => directory[Symbol.asyncDispose]();
});

reactorContract('the applier', {
  start: async (log) => {
    const service = await startTestService({
      module: testModule(testConfig(), clusterConnector({ requestsPerCluster: 1 })),
      name: 'applier',
      log,
      settings: { PLUMBLINE_DATA_DIR: directory.path },
    });
    return {
      reactor: service.reactor,
      readiness: () => service.readiness('applier'),
      metric: async (name) => service.metrics.valueOf(name, { consumer: 'applier' }),
      [Symbol.asyncDispose]: async () => service.stop(),
    };
  },
  event: (index, note) => ({
    stream: StreamName.cluster(`kube${index}`),
    event: {
      type: 'ClusterDeclared',
      data: {
        name: `kube${index}`,
        labels: { note },
        spec: { kubeconfig: { path: path.join(directory.path, `absent${index}`) } },
      },
    },
  }),
  worked: async (index, _subject, log) => {
    await waitUntil(`a report about cluster kube${index}`, async () =>
      (await log.readStream(StreamName.cluster(`kube${index}`))).some(({ type }) => type === 'ClusterUnreachable'),
    );
  },
});
