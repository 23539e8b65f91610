// SPDX-License-Identifier: Apache-2.0
import { leasesContract } from '../testing/leases.contract.js';
import { MemoryDeliveryCursors, MemoryWorkLeases } from './memory-leases.js';

leasesContract('in memory', async () => {
  const leases = new MemoryWorkLeases();
  return {
    leases,
    cursors: new MemoryDeliveryCursors(leases),
    [Symbol.asyncDispose]: async () => undefined,
  };
});
