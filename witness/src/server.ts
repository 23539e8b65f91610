// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '@plumbline/core';
import type { Witness } from './witness.js';

/** A request is a checkpoint and at most 63 hashes. */
const MAX_BODY = 64 * 1024;

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

async function handle(witness: Witness, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/healthz') return send(response, 200, 'ok\n');
  if (request.url !== '/add-checkpoint') return send(response, 404, 'a witness has POST /add-checkpoint\n');
  if (request.method !== 'POST') return send(response, 405, 'use POST\n');
  const body = await bodyOf(request);
  if (body === undefined) return send(response, 413, 'the request is too large\n');
  const { status, type, body: text } = await witness.add(body);
  return send(response, status, text, type);
}

/** Serves a witness; resolves when it listens. */
export async function serve(
  witness: Witness,
  options: { readonly host: string; readonly port: number; readonly log: (line: string) => void },
): Promise<Server> {
  const server = createServer((request, response) => {
    handle(witness, request, response).catch((error: unknown) => {
      options.log(`a request failed: ${messageOf(error)}`);
      if (!response.headersSent) send(response, 500, 'the witness could not keep what it saw\n');
      else response.destroy();
    });
  });
  server.requestTimeout = 15_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  return server;
}
