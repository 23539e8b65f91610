// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import {
  DELIVERY_CURSORS,
  LEGAL_HOLDS,
  LOG_QUERIES,
  LOG_TREE,
  PARKED_WORK,
  PERSONAL_DATA,
  WORK_LEASES,
} from '@plumbline/event-log';
import {
  MemoryDeliveryCursors,
  MemoryEventLog,
  MemoryLegalHolds,
  MemoryLogTree,
  MemoryParkedWork,
  MemoryPersonalData,
  MemoryWorkLeases,
} from '@plumbline/event-log/testing';
import { projectSpec } from '@plumbline/events';
import { generateSigningKeyPem, pemSigner } from '@plumbline/merkle';
import { startTestService } from '@plumbline/platform/testing';
import type { EventReactor } from '@plumbline/reactor';
import { reactorContract } from '@plumbline/reactor/testing';
import { tempDir, waitUntil } from '@plumbline/testkit';
import { beforeEach } from 'vitest';
import { GatewayModule } from './gateway.module.js';
import { LOG_ACCESS, type LogAccess } from './state/log-access.js';
import { InMemoryLogQueries } from './testing/in-memory-log-queries.fixture.js';

const started = new WeakMap<EventReactor, LogAccess>();
let directory: Awaited<ReturnType<typeof tempDir>>;

beforeEach(async () => {
  directory = await tempDir('gateway');
  return async () => directory[Symbol.asyncDispose]();
});

/** The parts of the log service that the contract does not touch. */
function otherPorts(): NonNullable<Parameters<typeof startTestService>[0]['provide']> {
  const log = new MemoryEventLog();
  const leases = new MemoryWorkLeases();
  const signer = pemSigner(generateSigningKeyPem(), 'plumbline.test/gateway');
  return [
    { provide: LOG_QUERIES, useValue: new InMemoryLogQueries(log) },
    { provide: LOG_TREE, useValue: new MemoryLogTree({ log, signer }) },
    { provide: PARKED_WORK, useValue: new MemoryParkedWork(log) },
    { provide: LEGAL_HOLDS, useValue: new MemoryLegalHolds(log) },
    { provide: PERSONAL_DATA, useValue: new MemoryPersonalData(log) },
    { provide: WORK_LEASES, useValue: leases },
    { provide: DELIVERY_CURSORS, useValue: new MemoryDeliveryCursors(leases) },
  ];
}

reactorContract('the gateway', {
  start: async (log) => {
    const service = await startTestService({
      module: GatewayModule,
      name: 'gateway',
      log,
      settings: {
        PLUMBLINE_GATEWAY_LISTEN: '127.0.0.1:0',
        PLUMBLINE_GATEWAY_GRPC_LISTEN: '127.0.0.1:0',
        PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: path.join(directory.path, 'admin.token'),
        PLUMBLINE_DATA_DIR: directory.path,
      },
      provide: otherPorts(),
    });
    started.set(service.reactor, service.app.get<LogAccess>(LOG_ACCESS, { strict: false }));
    return {
      reactor: service.reactor,
      readiness: () => service.readiness('gateway'),
      metric: async (name) => service.metrics.valueOf(name, { consumer: 'gateway' }),
      [Symbol.asyncDispose]: async () => service.stop(),
    };
  },
  event: (index, note) => ({
    stream: `project-thing${index}`,
    event: {
      type: 'ProjectDeclared',
      data: { name: `thing${index}`, labels: { note }, spec: projectSpec.parse({}) },
    },
  }),
  worked: async (index, { reactor }) => {
    await waitUntil(`project thing${index} in what the gateway answers from memory`, () =>
      Promise.resolve(started.get(reactor)?.state.views.get('project', `thing${index}`) !== undefined),
    );
  },
});
