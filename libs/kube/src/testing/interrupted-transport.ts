// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { KubeRequest, KubeResponse, KubeTransport } from '../kube-transport.port.js';

/** A transport whose network a test takes away and gives back. */
export class InterruptedTransport implements KubeTransport {
  readonly #inner: KubeTransport;

  readonly #open = new Set<AbortController>();
  #blocked = false;
  /** Paths of all requests, in order. */
  readonly paths: string[] = [];

  constructor(inner: KubeTransport) {
    this.#inner = inner;
  }

  /** Breaks every open request and refuses new ones until {@link mend}. */
  cut(): void {
    this.#blocked = true;
    for (const controller of this.#open)
      controller.abort(new UpstreamError('PLB-6120', 'the test has cut the network'));
  }

  mend(): void {
    this.#blocked = false;
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    this.paths.push(request.path);
    if (this.#blocked) throw new UpstreamError('PLB-6120', 'the test has cut the network');
    const controller = new AbortController();
    const signal =
      request.signal === undefined ? controller.signal : AbortSignal.any([request.signal, controller.signal]);
    this.#open.add(controller);
    return this.#inner.request({ ...request, signal });
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}
