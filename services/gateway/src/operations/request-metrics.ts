// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import { allOperations, type AnyOperation } from '@plumbline/api-contract';
import type { MetricDefinitions } from '@plumbline/core';
import { METER } from '@plumbline/platform';
import { routerPath } from './operation.js';

/** The metrics of the gateway. */
export const GATEWAY_METRICS = {
  requests: {
    name: 'plumbline_gateway_requests_total',
    type: 'counter',
    description: 'Requests by operation and code',
    labels: {
      operation: 'operation of the API; `other` for a path without one',
      code: 'HTTP status, or name of the gRPC status',
    },
  },
  seconds: {
    name: 'plumbline_gateway_request_duration_seconds',
    type: 'histogram',
    unit: 's',
    description: 'Duration of requests by operation, without event streams',
    labels: { operation: 'operation of the API; `other` for a path without one' },
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] },
  },
} satisfies MetricDefinitions;

/** Labels are closed sets: what is no operation of the API counts as `other`. */
const OTHER = 'other';

const operations: ReadonlyMap<string, AnyOperation> = new Map(
  allOperations.map((operation) => [`${operation.method} ${routerPath(operation.path)}`, operation]),
);

/** Counts requests by operation and code: the HTTP status, or the name of the gRPC status. */
@Injectable()
export class RequestMetrics {
  readonly #requests: Counter;
  readonly #seconds: Histogram;

  constructor(@Inject(METER) meter: Meter) {
    const { requests, seconds } = GATEWAY_METRICS;
    this.#requests = meter.createCounter(requests.name, requests);
    this.#seconds = meter.createHistogram(seconds.name, seconds);
  }

  /** Counts a request to a route of the router; `undefined` for a path without a route. */
  answered(method: string, route: string | undefined, status: number, durationMs: number): void {
    this.counted(operations.get(`${method} ${route ?? ''}`), String(status), durationMs);
  }

  /** Counts a call of an operation. */
  counted(operation: AnyOperation | undefined, code: string, durationMs: number): void {
    const id = operation?.id ?? OTHER;
    this.#requests.add(1, { operation: id, code });
    if (operation?.responseType === undefined) this.#seconds.record(durationMs / 1_000, { operation: id });
  }
}
