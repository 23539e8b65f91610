// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { type Meter, trace, type Tracer } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { TracerProvider } from '@opentelemetry/sdk-trace';
import { installTraceContext } from './context.js';
import { PROCESS_METRICS } from './platform.metrics.js';

const SCOPE = 'plumbline';
const SHUTDOWN_PATIENCE_MS = 3_000;

/** What a process reports about itself. */
export interface Telemetry {
  readonly meter: Meter;
  readonly tracer: Tracer;
  /** Answers with the metrics in the Prometheus text format. */
  serveMetrics(request: IncomingMessage, response: ServerResponse): void;
  /** Sends what is left; never rejects. */
  shutdown(): Promise<void>;
}

/** Resident memory, CPU time and event loop delay: what is asked first when a process is slow. */
function observeProcess(meter: Meter): () => void {
  const loop = monitorEventLoopDelay({ resolution: 20 });
  loop.enable();
  const { memory, cpu, loopDelay } = PROCESS_METRICS;
  meter.createObservableGauge(memory.name, memory).addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter.createObservableCounter(cpu.name, cpu).addCallback((result) => {
    const { user, system } = process.cpuUsage();
    result.observe((user + system) / 1e6);
  });
  meter.createObservableGauge(loopDelay.name, loopDelay).addCallback((result) => {
    result.observe(loop.percentile(99) / 1e9);
    loop.reset();
  });
  return () => loop.disable();
}

/** Loaded only when traces are wanted: the exporter costs more to start than everything else here. */
async function traceProvider(resource: Resource, otlpUrl: string): Promise<TracerProvider> {
  const [{ OTLPTraceExporter }, sdk] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-grpc'),
    import('@opentelemetry/sdk-trace'),
  ]);
  return new sdk.TracerProvider({
    resource,
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: otlpUrl }) })],
  });
}

/**
 * Starts metrics, and traces when there is a collector. No resource detection: it would publish the command line and
 * the host id.
 */
export async function startTelemetry(options: {
  readonly service: string;
  readonly otlpUrl: string | undefined;
}): Promise<Telemetry> {
  installTraceContext();
  const resource = resourceFromAttributes({
    'service.name': `plumbline-${options.service}`,
    'service.namespace': 'plumbline',
  });
  const exporter = new PrometheusExporter({ host: '127.0.0.1', preventServerStart: true });
  const meters = new MeterProvider({ resource, readers: [exporter] });
  const meter = meters.getMeter(SCOPE);
  const stopObserving = observeProcess(meter);
  const traces = options.otlpUrl === undefined ? undefined : await traceProvider(resource, options.otlpUrl);
  if (traces !== undefined) trace.setGlobalTracerProvider(traces);
  return {
    meter,
    tracer: trace.getTracer(SCOPE),
    serveMetrics: (request, response) => exporter.getMetricsRequestHandler(request, response),
    shutdown: async () => {
      stopObserving();
      if (traces !== undefined) trace.disable();
      // A collector that is away must not keep a process from ending.
      const patience = new AbortController();
      const late = delay(SHUTDOWN_PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
      await Promise.race([Promise.allSettled([meters.shutdown(), traces?.shutdown()]), late]);
      patience.abort();
    },
  };
}
