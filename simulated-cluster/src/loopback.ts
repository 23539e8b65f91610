// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { UpstreamError } from '@plumbline/core';
import type { KubeMethod, KubeRequest } from '@plumbline/kube';
import type { Door } from './transport.js';

/** A loopback HTTP door to a simulated cluster, for kubectl and other clients. */
export interface Loopback {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  close(): Promise<void>;
}

const METHODS: readonly KubeMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Opens the door on 127.0.0.1; port 0 takes a free one. Nothing is authenticated: it must never listen elsewhere. */
export async function openLoopback(door: Door, port: number): Promise<Loopback> {
  const server = createServer((request, response) => {
    serve(door, request, response).catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : undefined),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new UpstreamError('PLB-6202', 'the simulated cluster has no address to listen on', { retry: 'never' });
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void> {
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
  const answer = await door(call);
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
