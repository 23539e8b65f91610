// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { InputError, messageOf } from '@plumbline/core';
import { parseListen } from '../load-config.js';
import type { Readiness } from '../readiness.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** The door for probes and scrapers; it opens before anything else and closes last. */
export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** What the health door answers from. */
export interface HealthParts {
  readonly listen: string;
  readonly readiness: Readiness;
  readonly telemetry: Telemetry;
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`);
}

function route(parts: HealthParts, request: IncomingMessage, response: ServerResponse): void {
  const [path, query = ''] = (request.url ?? '').split('?', 2);
  // As the API does: an answer of now to a question about then would be wrong without anybody noticing.
  if (/(?:^|&)(?:asOf|knownAt)=/.test(query)) answer(response, 400, { status: 'there is no past to read here' });
  else if (path === '/healthz') answer(response, 200, { status: 'alive' });
  else if (path === '/readyz') {
    const { ready, states } = parts.readiness;
    answer(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', parts: states });
  } else if (path === '/metrics') parts.telemetry.serveMetrics(request, response);
  else answer(response, 404, { status: 'not found', paths: ['/healthz', '/readyz', '/metrics'] });
}

/** Listens. @throws InputError PLB-1904 when the address cannot be used. */
export async function startHealthServer(parts: HealthParts): Promise<HealthServer> {
  const server = createServer((request, response) => route(parts, request, response));
  const { host, port } = parseListen(parts.listen);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new InputError('PLB-1904', `the health address ${parts.listen} cannot be used: ${messageOf(error)}`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actualPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    close: async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
