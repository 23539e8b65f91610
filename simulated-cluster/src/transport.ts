// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { KubeRequest, KubeResponse, KubeTransport } from '@plumbline/kube';
import type { ApiResponse } from './api-server.js';

/** Answers one request; later when latency is injected. */
export type RequestHandler = (request: KubeRequest) => Promise<ApiResponse>;

/** A transport to a simulated cluster in this process. */
export class SimulatedTransport implements KubeTransport {
  readonly #handle: RequestHandler;

  readonly #cancels = new Set<() => void>();
  #closed = false;

  constructor(handle: RequestHandler) {
    this.#handle = handle;
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    if (this.#closed)
      throw new UpstreamError('PLB-6200', 'the connection to the simulated cluster is closed; open a new one', {
        retry: 'never',
      });
    request.signal?.throwIfAborted();
    const response = await this.#handle(request);
    const { body } = response;
    if (typeof body === 'string') {
      return {
        status: response.status,
        headers: response.headers,
        text: () => Promise.resolve(body),
        lines: () => linesOf(body),
      };
    }
    const cancel = (): void => body.cancel();
    this.#cancels.add(cancel);
    request.signal?.addEventListener('abort', cancel, { once: true });
    return {
      status: response.status,
      headers: response.headers,
      text: async () => {
        let text = '';
        for await (const line of body.lines()) text += `${line}\n`;
        return text;
      },
      lines: () => body.lines(),
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    return Promise.resolve();
  }
}

async function* linesOf(body: string): AsyncIterable<string> {
  for (const line of body.split('\n')) if (line !== '') yield await Promise.resolve(line);
}
