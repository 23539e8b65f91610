// SPDX-License-Identifier: Apache-2.0
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { filter, firstValueFrom } from 'rxjs';
import { type EventEnvelopeBatch, EVENTS_PATTERN } from '../bus.port.js';
import type { BusServer } from '../bus-server.js';

/** A service that runs and can be stopped as a process would be. */
export interface RunningService extends AsyncDisposable {
  stop(): Promise<void>;
}

/** What the service does with a batch. */
export type BatchHandler = (batch: EventEnvelopeBatch) => void | Promise<void>;

/** Starts a Nest microservice with one controller per handler on the transport; resolves when it receives. */
export async function startNestService(
  strategy: BusServer,
  ...handlers: readonly BatchHandler[]
): Promise<RunningService> {
  const controllers = handlers.map((handle) => {
    @Controller()
    class BatchController {
      @EventPattern(EVENTS_PATTERN)
      async onBatch(batch: EventEnvelopeBatch): Promise<void> {
        await handle(batch);
      }
    }
    return BatchController;
  });
  @Module({ controllers })
  class ServiceModule {}
  const app = await NestFactory.createMicroservice(ServiceModule, { strategy, logger: false, abortOnError: false });
  await app.listen();
  await firstValueFrom(strategy.status.pipe(filter((status) => status === 'connected')));
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await app.close();
  };
  return { stop, [Symbol.asyncDispose]: stop };
}
