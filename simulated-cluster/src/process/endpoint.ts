// SPDX-License-Identifier: Apache-2.0
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { UpstreamError } from '@plumbline/core';
import type { KubeMethod, KubeRequest } from '@plumbline/kube';
import { failures } from '../api-failure.js';
import { failureResponse } from '../api-server.js';
import type { RequestHandler } from '../transport.js';
import type { Credentials } from './credentials.js';

/** An HTTPS endpoint on 127.0.0.1. */
export interface Endpoint {
  readonly port: number;
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** Ends all connections; resolves when the port is free again. */
  close(): Promise<void>;
}

/** Parts of an endpoint. */
export interface EndpointOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly credentials: Credentials;
  readonly handle: RequestHandler;
}

const METHODS: readonly KubeMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * Serves a handler over HTTPS on 127.0.0.1. A request without the bearer token gets 401.
 * @throws Error with `code` `EADDRINUSE` when another process uses the port.
 */
export async function openEndpoint({ port, credentials, handle }: EndpointOptions): Promise<Endpoint> {
  const isAllowed = bearerCheck(credentials.token);
  const server = createServer(
    { cert: credentials.server.certificate, key: credentials.server.key },
    (request, response) => {
      const guarded: RequestHandler = async (call) =>
        isAllowed(request) ? handle(call) : failureResponse(failures.unauthorized());
      serve(guarded, request, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      );
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new UpstreamError('PLB-6202', 'the simulated cluster has no address to listen on', { retry: 'never' });
  return {
    port: address.port,
    url: `https://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function bearerCheck(token: string): (request: IncomingMessage) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return (request) => timingSafeEqual(digest(request.headers.authorization ?? ''), expected);
}

async function serve(handle: RequestHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = METHODS.find((known) => known === request.method);
  if (method === undefined) {
    response.writeHead(405).end();
    return;
  }
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  const call: KubeRequest = { method, path: request.url ?? '/', headers, ...(body === '' ? {} : { body }) };
  const answer = await handle(call);
  response.writeHead(answer.status, answer.headers);
  if (typeof answer.body === 'string') {
    response.end(answer.body);
    return;
  }
  const stream = answer.body;
  response.on('close', () => stream.cancel());
  response.flushHeaders();
  for await (const line of stream.lines()) response.write(`${line}\n`);
  response.end();
}
