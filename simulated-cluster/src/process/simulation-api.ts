// SPDX-License-Identifier: Apache-2.0
import type { KubeRequest } from '@plumbline/kube';
import { ApiFailure, failures } from '../api-failure.js';
import { type ApiResponse, failureResponse } from '../api-server.js';
import type { SimulatedCluster } from '../simulated-cluster.js';
import type { RequestHandler } from '../transport.js';

const ROOT = '/simulation/';

type Fields = Readonly<Record<string, unknown>>;

/** One operation: `METHOD name` to what it does; the result is the JSON body of the answer. */
const OPERATIONS: Readonly<Record<string, (cluster: SimulatedCluster, fields: Fields) => object>> = {
  'GET status': (cluster) => ({ openWatches: cluster.openWatches, resourceVersion: cluster.resourceVersion }),
  'POST fail-workload': (cluster, fields) => {
    const { reason } = fields;
    cluster.failWorkload(workloadOf(fields), {
      message: textOf(fields, 'message'),
      ...(typeof reason === 'string' ? { reason } : {}),
    });
    return {};
  },
  'POST recover-workload': (cluster, fields) => {
    cluster.failWorkload(workloadOf(fields), undefined);
    return {};
  },
  'POST throttle': (cluster, fields) => {
    const { method } = fields;
    cluster.inject429(countOf(fields, 'requests'), {
      retryAfterSeconds: countOf(fields, 'retryAfterSeconds'),
      matches: (request) => method === undefined || request.method === method,
    });
    return {};
  },
  'POST latency': (cluster, fields) => {
    cluster.injectLatency(countOf(fields, 'milliseconds'));
    return {};
  },
  'POST compact': (cluster) => {
    cluster.compactNow();
    return {};
  },
  'POST disconnect-watches': (cluster) => {
    cluster.disconnectWatches();
    return {};
  },
};

/**
 * Adds `/simulation/` to the API of a cluster: workloads that fail, throttling, latency, compaction and broken
 * watches on request.
 * Everything else is answered by the cluster.
 */
export function withSimulationApi(cluster: SimulatedCluster): RequestHandler {
  return async (request) => (request.path.startsWith(ROOT) ? control(cluster, request) : cluster.answer(request));
}

function control(cluster: SimulatedCluster, request: KubeRequest): ApiResponse {
  try {
    const operation = OPERATIONS[`${request.method} ${request.path.slice(ROOT.length)}`];
    if (operation === undefined)
      throw new ApiFailure(
        404,
        'NotFound',
        `${request.method} ${request.path} is not an operation; there are: ${Object.keys(OPERATIONS).join(', ')}`,
      );
    const result = operation(cluster, fieldsOf(request.body));
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(result) };
  } catch (error) {
    if (error instanceof ApiFailure) return failureResponse(error);
    throw error;
  }
}

function fieldsOf(body: string | undefined): Fields {
  if (body === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw failures.badRequest('the body is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw failures.badRequest('the body is not a JSON object');
  return { ...value };
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw failures.badRequest(`the field "${name}" must be a text`);
  return value;
}

function countOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw failures.badRequest(`the field "${name}" must be a whole number from 0`);
  return value;
}

const workloadOf = (fields: Fields): { readonly kind: string; readonly namespace: string; readonly name: string } => ({
  kind: textOf(fields, 'kind'),
  namespace: textOf(fields, 'namespace'),
  name: textOf(fields, 'name'),
});
