// SPDX-License-Identifier: Apache-2.0
import type { KubeClient } from '@plumbline/kube';

/** True when the cluster serves `apiVersion kind` now. */
export async function kindServed(client: KubeClient, id: string): Promise<boolean> {
  const [apiVersion = '', kind = ''] = id.split(' ');
  return 'found' in (await client.discovery.resourceFor(apiVersion, kind));
}
