// SPDX-License-Identifier: Apache-2.0
import { generateSigningKeyPem, pemSigner } from '@plumbline/merkle';
import { logTreeContract } from '../testing/log-tree.contract.js';
import { MemoryEventLog } from './memory-event-log.js';
import { MemoryLogTree } from './memory-log-tree.js';

logTreeContract('in memory', async () => {
  const log = new MemoryEventLog();
  return {
    log,
    tree: new MemoryLogTree({ log, signer: pemSigner(generateSigningKeyPem(), 'plumbline.test/memory') }),
    [Symbol.asyncDispose]: async () => undefined,
  };
});
