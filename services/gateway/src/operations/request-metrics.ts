// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import { allOperations, type AnyOperation } from '@plumbline/api-contract';
import { METER } from '@plumbline/platform';
import { routerPath } from './operation.js';

const REQUESTS = 'plumbline_gateway_requests';
const REQUEST_SECONDS = 'plumbline_gateway_request_duration_seconds';

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
    this.#requests = meter.createCounter(REQUESTS, {
      description: 'Requests by operation and code (HTTP status, or name of the gRPC status)',
    });
    this.#seconds = meter.createHistogram(REQUEST_SECONDS, {
      description: 'Duration of requests by operation, without event streams',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] },
    });
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
