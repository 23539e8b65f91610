// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Controller, Get, Module } from '@nestjs/common';
import { freePort } from '@plumbline/testkit';
import { expect, it } from 'vitest';
import { startHost } from '../host.js';
import { createLogger } from '../logger.js';
import { HTTP_EDGE } from '../tokens.js';

const logger = createLogger({ service: 'things', level: 'silent' });
const bytes = (value: Buffer): Buffer => value;

/** A collector that keeps the bytes of what it gets: names are readable in them. */
async function startCollector(): Promise<{ readonly url: string; readonly received: Buffer[]; stop(): void }> {
  const received: Buffer[] = [];
  const server = new Server();
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService(
    { Export: method },
    {
      Export: (call: { readonly request: Buffer }, callback: (error: null, response: Buffer) => void) => {
        received.push(call.request);
        callback(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { url: `http://127.0.0.1:${port}`, received, stop: () => server.forceShutdown() };
}

@Controller()
class ThingsController {
  @Get('things/:name')
  get(): string {
    return 'here';
  }
}

@Module({ controllers: [ThingsController], providers: [{ provide: HTTP_EDGE, useValue: { listen: '127.0.0.1:0' } }] })
class ThingsModule {}

const SOURCE = { PLUMBLINE_LOG_URL: 'postgres://unused', PLUMBLINE_OBJECT_STORE_URL: 'memory:' };

it('sends the spans of requests to the collector, named by route and not by what was asked for', async () => {
  const collector = await startCollector();
  const host = await startHost({
    module: ThingsModule,
    name: 'things',
    source: { ...SOURCE, PLUMBLINE_OTLP_URL: collector.url },
    logger,
  });
  await fetch(`${host.endpoints.get('http') ?? ''}/things/hidden-name`);
  expect(await host.stop()).toEqual([]);
  const text = Buffer.concat(collector.received).toString('latin1');
  collector.stop();
  expect(text).toContain('GET /things/:name');
  expect(text).toContain('plumbline-things');
  expect(text).not.toContain('hidden-name');
});

it('serves and stops in good time when the collector is away', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const host = await startHost({
    module: ThingsModule,
    name: 'things',
    source: { ...SOURCE, PLUMBLINE_OTLP_URL: url },
    logger,
  });
  expect(await (await fetch(`${host.endpoints.get('http') ?? ''}/things/a`)).text()).toBe('here');
  const startedMs = performance.now();
  expect(await host.stop()).toEqual([]);
  expect(performance.now() - startedMs).toBeLessThan(60_000);
});
