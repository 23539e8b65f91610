// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect } from 'node:net';
import {
  type BeforeApplicationShutdown,
  Body,
  Controller,
  Get,
  Inject,
  Module,
  type OnApplicationBootstrap,
  Post,
} from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { context, type Meter, propagation, trace } from '@opentelemetry/api';
import { EVENT_PUBLISHER, type EventBatch, type EventPublisher, EVENTS_PATTERN } from '@plumbline/messaging';
import { eventAt, messagesOf } from '@plumbline/messaging/testing';
import { InputError, InvariantError, OverloadedError } from '@plumbline/core';
import { describe, expect, it, vi } from 'vitest';
import { type Host, startHost } from './host.js';
import { createLogger, type Logger } from './logger.js';
import { CONFIG_SOURCE, type ConfigSource, HTTP_EDGE, type HttpEdge, LOGGER, METER, READINESS } from './tokens.js';
import type { Readiness } from './readiness.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const received: EventBatch[] = [];
const events: string[] = [];

@Controller()
class ThingsController {
  readonly #publisher: EventPublisher;
  readonly #meter: Meter;

  constructor(@Inject(EVENT_PUBLISHER) publisher: EventPublisher, @Inject(METER) meter: Meter) {
    this.#publisher = publisher;
    this.#meter = meter;
  }

  @Get('trace')
  traceOf(): { readonly trace: string | undefined } {
    this.#meter.createCounter('plumbline_test_requests').add(1);
    return { trace: trace.getSpanContext(context.active())?.traceId };
  }

  @Get('input')
  input(): never {
    throw new InputError('PLB-1001', 'the name is wrong', { issues: [{ path: 'name', message: 'too long' }] });
  }

  @Get('busy')
  busy(): never {
    throw new OverloadedError('PLB-5101', 'too much at once', 1_400);
  }

  @Get('bug')
  bug(): never {
    throw new InvariantError('PLB-9101', 'row 7 of table secret_things is broken');
  }

  @Get('crash')
  crash(): never {
    throw new TypeError('cannot read properties of hunter2');
  }

  @Post('echo')
  echo(@Body() body: unknown): unknown {
    return body;
  }

  @Post('publish')
  async publish(): Promise<void> {
    await this.#publisher.publish(await messagesOf(0, 2, undefined));
  }

  @EventPattern(EVENTS_PATTERN)
  onBatch(@Payload() batch: EventBatch): void {
    received.push(batch);
  }
}

class LifeCycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #readiness: Readiness;
  readonly #source: ConfigSource;

  constructor(@Inject(READINESS) readiness: Readiness, @Inject(CONFIG_SOURCE) source: ConfigSource) {
    this.#readiness = readiness;
    this.#source = source;
  }

  onApplicationBootstrap(): void {
    events.push('bootstrap');
    this.#readiness.report('things', true);
  }

  beforeApplicationShutdown(): void {
    events.push('drain');
    if (this.#source['PLUMBLINE_TEST_FAIL_STOP'] !== undefined) throw new Error('the queue is stuck');
  }
}

@Module({
  controllers: [ThingsController],
  providers: [LifeCycle, { provide: HTTP_EDGE, useValue: { listen: '127.0.0.1:0' } satisfies HttpEdge }],
  exports: [HTTP_EDGE],
})
class ThingsModule {}

const SOURCE = { PLUMBLINE_LOG_URL: 'postgres://unused', PLUMBLINE_OBJECT_STORE_URL: 'memory:' };

function recordingLogger(lines: Record<string, unknown>[]): Logger {
  return createLogger({
    service: 'things',
    level: 'debug',
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
}

async function startThings(lines: Record<string, unknown>[] = [], source: ConfigSource = {}): Promise<Host> {
  return startHost({
    module: ThingsModule,
    name: 'things',
    source: { ...SOURCE, ...source },
    logger: recordingLogger(lines),
  });
}

async function answerOf(
  host: Host,
  path: string,
  init?: RequestInit,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }> {
  const response = await fetch(`${host.endpoints.get('http') ?? ''}${path}`, init);
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

describe('a host', () => {
  it('lets our own errors cross with code, message and details', async () => {
    await using host = await startThings();
    const { status, body } = await answerOf(host, '/input');
    expect(status).toBe(400);
    expect(body).toEqual({
      code: 'PLB-1001',
      message: 'the name is wrong',
      details: { issues: [{ path: 'name', message: 'too long' }] },
      instance: expect.any(String) as unknown,
    });
  });

  it('tells when to come back after too much at once', async () => {
    await using host = await startThings();
    const { status, headers } = await answerOf(host, '/busy');
    expect([status, headers.get('retry-after')]).toEqual([503, '2']);
  });

  it.each([
    ['/bug', 'row 7 of table secret_things is broken', 'PLB-9101'],
    ['/crash', 'cannot read properties of hunter2', 'PLB-9000'],
  ])('masks a bug behind %s and logs it under the instance id of the answer', async (path, reason, loggedCode) => {
    const lines: Record<string, unknown>[] = [];
    await using host = await startThings(lines);
    const { status, body } = await answerOf(host, path);
    expect([status, body['code'], body['details']]).toEqual([500, 'PLB-9000', {}]);
    expect(JSON.stringify(body)).not.toContain(reason);
    expect(lines.find((line) => line['instance'] === body['instance'])).toMatchObject({
      level: 'error',
      error: reason,
      errorCode: loggedCode,
    });
  });

  it('does not wait at its end for connections that carry no request', async () => {
    const host = await startThings();
    const { hostname, port } = new URL(host.endpoints.get('http') ?? '');
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const ended = once(socket, 'close');
    await answerOf(host, '/trace');
    const startedMs = performance.now();
    await host.stop();
    await ended;
    // Fastify keeps an idle connection for 72 s.
    expect(performance.now() - startedMs).toBeLessThan(60_000);
  });

  it('starts a service without an HTTP door of its own, and logs no error about it', async () => {
    @Module({})
    class QuietModule {}
    const lines: Record<string, unknown>[] = [];
    await using host = await startHost({
      module: QuietModule,
      name: 'quiet',
      source: SOURCE,
      logger: recordingLogger(lines),
    });
    expect(host.endpoints.get('http')).toBeUndefined();
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('answers what the framework refuses in our form', async () => {
    await using host = await startThings();
    expect(await answerOf(host, '/nowhere')).toMatchObject({ status: 404, body: { code: 'PLB-3901' } });
    const broken = await answerOf(host, '/echo', {
      method: 'POST',
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect(broken).toMatchObject({ status: 400, body: { code: 'PLB-1903' } });
    const large = await answerOf(host, '/echo', {
      method: 'POST',
      body: JSON.stringify('x'.repeat(5_000_000)),
      headers: { 'content-type': 'application/json' },
    });
    expect(large).toMatchObject({ status: 400, body: { code: 'PLB-1903' } });
  });

  it('carries the trace of a caller through HTTP', async () => {
    await using host = await startThings();
    const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
    expect((await answerOf(host, '/trace', { headers })).body).toEqual({ trace: TRACE });
    expect(propagation.fields()).toContain('traceparent');
  });

  it('delivers what is published to the handler of a controller', async () => {
    await using host = await startThings();
    received.length = 0;
    await fetch(`${host.endpoints.get('http') ?? ''}/publish`, { method: 'POST' });
    const events = [0, 1, 2].map((position) => eventAt(position));
    await vi.waitFor(() => expect(received).toEqual([{ shard: 0, firstPosition: 0, lastPosition: 2, events }]), {
      timeout: 60_000,
    });
  });

  it('does not start with NATS and without the public key of the log, and says what to do', async () => {
    const source = { ...SOURCE, PLUMBLINE_BUS_URL: 'nats://127.0.0.1:1' };
    await expect(startHost({ module: ThingsModule, name: 'things', source })).rejects.toMatchObject({
      code: 'PLB-1916',
      message: expect.stringContaining('PLUMBLINE_LOG_PUBLIC_KEY_FILE') as unknown,
    });
  });

  it('answers probes and shows its metrics, without what the machine is', async () => {
    await using host = await startThings();
    const health = host.endpoints.get('health') ?? '';
    await answerOf(host, '/trace');
    expect((await fetch(`${health}/healthz`)).status).toBe(200);
    expect((await fetch(`${health}/readyz?asOf=1`)).status).toBe(400);
    expect(await (await fetch(`${health}/readyz`)).json()).toEqual({
      status: 'ready',
      parts: [
        { part: 'process', ready: true },
        { part: 'things', ready: true },
      ],
    });
    const metrics = await (await fetch(`${health}/metrics`)).text();
    expect(metrics).toMatch(/^plumbline_test_requests_total\{.*\} 1$/m);
    expect(metrics).toContain('plumbline_process_resident_memory_bytes');
    expect(metrics).not.toMatch(/process_command|host_id|host_name/);
    host.readiness.report('things', false, 'the log is away');
    expect((await fetch(`${health}/readyz`)).status).toBe(503);
  });

  it('drains its modules when it stops, and closes its doors', async () => {
    const host = await startThings();
    events.length = 0;
    const health = host.endpoints.get('health') ?? '';
    expect(await host.stop()).toEqual([]);
    expect(events).toEqual(['drain']);
    await expect(fetch(`${health}/healthz`)).rejects.toThrow();
    await expect(fetch(`${host.endpoints.get('http') ?? ''}/trace`)).rejects.toThrow();
  });

  it('reports a module that does not stop cleanly', async () => {
    const lines: Record<string, unknown>[] = [];
    const host = await startThings(lines, { PLUMBLINE_TEST_FAIL_STOP: '1' });
    expect(await host.stop()).not.toEqual([]);
    expect(JSON.stringify(lines)).toContain('the queue is stuck');
  });

  it('closes everything again when a module cannot start', async () => {
    @Module({
      providers: [
        {
          provide: LifeCycle,
          useFactory: () => {
            throw new InputError('PLB-1901', 'no key file');
          },
        },
      ],
    })
    class BrokenModule {}
    const lines: Record<string, unknown>[] = [];
    const options = { module: BrokenModule, name: 'broken', source: SOURCE, logger: recordingLogger(lines) };
    await expect(startHost(options)).rejects.toMatchObject({ code: 'PLB-1901' });
  });

  it('refuses a configuration before it opens anything', async () => {
    await expect(startHost({ module: ThingsModule, name: 'things', source: {} })).rejects.toMatchObject({
      code: 'PLB-1901',
    });
  });
});

it('injects the logger by its token', async () => {
  await using host = await startThings();
  expect(host.app.get(LOGGER)).toBe(host.logger);
});
