// SPDX-License-Identifier: Apache-2.0
import type { KubeClient } from '@plumbline/kube';

/** Returns true if the cluster serves the kind; `id` is `apiVersion kind`. */
export async function kindServed(client: KubeClient, id: string): Promise<boolean> {
  const [apiVersion = '', kind = ''] = id.split(' ');
  return 'found' in (await client.discovery.resourceFor(apiVersion, kind));
}
