// SPDX-License-Identifier: Apache-2.0
import { onTestFinished } from 'vitest';
import type { KubeMethod } from '@plumbline/kube';
import { SimulatedCluster, type SimulatedClusterOptions } from '../index.js';
import type { Obj, Value } from '../value.js';

/** An answer, parsed. */
export interface Answer {
  readonly status: number;
  readonly body: Obj;
}

/** A cluster with a short way to send requests and read answers; for specs of this folder. */
export class Probe {
  readonly cluster: SimulatedCluster;

  constructor(options: Partial<SimulatedClusterOptions> = {}) {
    this.cluster = new SimulatedCluster({ name: 'test', ...options });
  }

  async send(method: KubeMethod, path: string, body?: Value, contentType = 'application/json'): Promise<Answer> {
    const response = await this.cluster.transport().request({
      method,
      path,
      headers: { 'content-type': contentType, 'user-agent': 'probe/1' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: Obj = text.startsWith('{') ? JSON.parse(text) : { text };
    return { status: response.status, body: parsed };
  }

  apply(path: string, body: Obj): Promise<Answer> {
    return this.send('PATCH', `${path}?fieldManager=test&force=true`, body, 'application/apply-patch+yaml');
  }

  async get(path: string): Promise<Obj | undefined> {
    const { status, body } = await this.send('GET', path);
    return status === 404 ? undefined : body;
  }
}

/** A cluster that is closed when the test ends. */
export function openProbe(options?: Partial<SimulatedClusterOptions>): Probe {
  const probe = new Probe(options);
  onTestFinished(() => probe.cluster.close());
  return probe;
}
