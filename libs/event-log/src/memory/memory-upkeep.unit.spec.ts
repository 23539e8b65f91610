// SPDX-License-Identifier: Apache-2.0
import { legalHoldsContract } from '../testing/legal-holds.contract.js';
import { MemoryEventLog } from './memory-event-log.js';
import { MemoryLegalHolds } from './memory-upkeep.js';

legalHoldsContract('in memory', async () => {
  const log = new MemoryEventLog();
  return Promise.resolve({
    log,
    holds: new MemoryLegalHolds(log),
    [Symbol.asyncDispose]: async () => Promise.resolve(),
  });
});
