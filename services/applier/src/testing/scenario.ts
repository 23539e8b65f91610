// SPDX-License-Identifier: Apache-2.0
import type { KubeServer } from '@plumbline/testkit';
import type { ApplierConfig } from '../applier.config.js';
import { ApplierFixture, type TestSync } from './applier-fixture.js';
import { ClusterObserver } from './cluster-observer.js';

let scenarios = 0;

/** An applier with one real cluster and one application in a namespace of its own. */
export interface Scenario extends AsyncDisposable {
  readonly applier: ApplierFixture;
  readonly observer: ClusterObserver;
  readonly application: string;
  /** Namespace of the application; unique for each scenario. */
  readonly namespace: string;
  /** Path of the namespaced core API: `/api/v1/namespaces/<namespace>`. */
  readonly core: string;
  /** Path of the apps API in the namespace. */
  readonly apps: string;
}

/** Sets the scene on a shared API server. */
export async function scenario(
  kube: KubeServer,
  options: { readonly sync?: TestSync; readonly config?: Partial<ApplierConfig> } = {},
): Promise<Scenario> {
  scenarios += 1;
  const name = `app${scenarios}`;
  const applier = await ApplierFixture.start(options.config);
  await applier.declareCluster('kube', { kubeconfig: { path: kube.kubeconfigPath } });
  const application = await applier.declareApplication(name, {
    ...(options.sync === undefined ? {} : { sync: options.sync }),
    namespace: name,
  });
  return {
    applier,
    observer: new ClusterObserver(kube),
    application,
    namespace: name,
    core: `/api/v1/namespaces/${name}`,
    apps: `/apis/apps/v1/namespaces/${name}`,
    [Symbol.asyncDispose]: async () => applier[Symbol.asyncDispose](),
  };
}
