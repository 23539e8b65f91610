// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { kubeContract } from '@plumbline/kube/testing';
import { SimulatedCluster } from './index.js';
import { simulatedDifferences } from './known-differences.js';
import { objAt } from './value.js';

kubeContract('the simulated cluster is what the contract says', {
  start: () => {
    const cluster = new SimulatedCluster({ name: 'contract' });
    const transport = cluster.transport();
    return Promise.resolve({
      transport,
      compact: () => Promise.resolve(cluster.compactNow()),
      deny: ({ operation, namespace, label, message }) => {
        const policy = `deny-${randomBytes(4).toString('hex')}`;
        cluster.denyAdmission((request) => {
          const subject = operation === 'DELETE' ? request.oldObject : request.object;
          const concerns =
            request.operation === operation && request.namespace === namespace && request.kind === 'ConfigMap';
          return concerns && objAt(subject, 'metadata', 'labels')[label] !== undefined
            ? { policy, message }
            : undefined;
        });
        return Promise.resolve(policy);
      },
      dispose: () => cluster.close(),
    });
  },
  knownDifferences: simulatedDifferences,
});
