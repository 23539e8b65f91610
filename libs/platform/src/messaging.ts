// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '@opentelemetry/api';
import { InputError } from '@plumbline/core';
import type { DiscardedMessage, EventPublisher, EventTransport } from '@plumbline/messaging';
import { InProcessPublisher, InProcessTransport } from '@plumbline/messaging/in-process';
import type { Logger } from './logger.js';
import type { PlatformConfig } from './platform.config.js';
import type { Readiness } from './readiness.js';
import { MESSAGING_METRICS } from './telemetry/platform.metrics.js';

/** How long the alarm stays on after a message was discarded. */
const ALARM_MS = 10 * 60_000;
/** At most one line in the log for each reason in so long. */
const WARN_EVERY_MS = 10_000;

/** Publisher and transport of events of a process, over one connection. */
export interface MessagingParts {
  readonly publisher: EventPublisher;
  readonly transport: EventTransport;
  close(): Promise<void>;
}

/** What {@link openMessaging} works with. */
export interface MessagingContext {
  readonly service: string;
  readonly logger: Logger;
  readonly readiness: Readiness;
  readonly meter: Meter;
}

/**
 * The messaging that the URL names. NATS is loaded only where it is used.
 * @throws InputError PLB-1916 when events come over NATS and the public key of the log is not given
 */
export async function openMessaging(config: PlatformConfig, context: MessagingContext): Promise<MessagingParts> {
  const report = new DiscardReport(context);
  const options = {
    onDiscarded: (consumer: string, message: DiscardedMessage) => report.discarded(consumer, message),
    onError: (message: string) => context.logger.warn('events cannot be received; trying again', { message }),
  };
  if (config.natsUrl.startsWith('inproc:')) {
    const publisher = new InProcessPublisher();
    const keys = config.logPublicKeys;
    const transport = new InProcessTransport({ publisher, ...options, ...(keys === undefined ? {} : { keys }) });
    return { publisher, transport, close: async () => publisher.close() };
  }
  return openNats(config, context, options);
}

async function openNats(
  config: PlatformConfig,
  { service, logger, readiness }: MessagingContext,
  options: ConstructorParameters<typeof InProcessTransport>[0] extends infer Options
    ? Omit<Options, 'publisher' | 'keys'>
    : never,
): Promise<MessagingParts> {
  const keys = config.logPublicKeys;
  if (keys === undefined)
    throw new InputError(
      'PLB-1916',
      'events from NATS are accepted only with the signature of the log; set PLUMBLINE_LOG_PUBLIC_KEY_FILE to log.pub, which "plumb keygen" makes next to log.key',
    );
  const { JetStreamPublisher, JetStreamTransport, NatsLink } = await import('@plumbline/messaging/jetstream');
  const { natsCredentialsFile: credsFile, natsTls: tls } = config;
  // Reported, but no reason to be not ready: without NATS a service reads the log instead.
  readiness.report('nats', true, 'disconnected');
  const link = new NatsLink({
    url: config.natsUrl,
    name: `plumbline-${service}`,
    ...(credsFile === undefined ? {} : { credsFile }),
    ...(tls === undefined ? {} : { tls }),
    onStatus: (status) => {
      readiness.report('nats', true, status);
      if (status === 'connected') logger.info('NATS is connected');
      else logger.warn('NATS is not connected; events are read from the log until it is');
    },
    onError: (message) => logger.warn('NATS reports an error', { message }),
  });
  return {
    publisher: new JetStreamPublisher({ link, keys }),
    transport: new JetStreamTransport({ link, keys, service, ...options }),
    close: async () => link.close(),
  };
}

/** Counts discarded messages, raises the alarm metric and says so in the log of the process. */
class DiscardReport {
  readonly #logger: Logger;
  readonly #count: (consumer: string, reason: string) => void;
  readonly #warned = new Map<string, { atMs: number; since: number }>();
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor({ logger, meter }: MessagingContext) {
    this.#logger = logger;
    const { discarded, alarm } = MESSAGING_METRICS;
    const counter = meter.createCounter(discarded.name, discarded);
    this.#count = (consumer, reason) => counter.add(1, { consumer, reason });
    meter
      .createObservableGauge(alarm.name, alarm)
      .addCallback((result) => result.observe(performance.now() - this.#lastMs < ALARM_MS ? 1 : 0));
  }

  discarded(consumer: string, { reason, detail }: DiscardedMessage): void {
    const nowMs = performance.now();
    this.#lastMs = nowMs;
    this.#count(consumer, reason);
    const warned = this.#warned.get(reason) ?? { atMs: Number.NEGATIVE_INFINITY, since: 0 };
    warned.since += 1;
    this.#warned.set(reason, warned);
    if (nowMs - warned.atMs < WARN_EVERY_MS) return;
    this.#logger.warn(
      'a message was discarded and the log is read instead; check who may publish on plumbline.events.>',
      {
        consumer,
        reason,
        detail,
        messages: warned.since,
      },
    );
    this.#warned.set(reason, { atMs: nowMs, since: 0 });
  }
}
