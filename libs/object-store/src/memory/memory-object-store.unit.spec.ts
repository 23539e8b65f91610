// SPDX-License-Identifier: Apache-2.0
import { objectStoreContract } from '../testing/object-store.contract.js';
import { MemoryObjectStore } from './memory-object-store.js';

objectStoreContract('memory', async () => ({
  store: new MemoryObjectStore(),
  [Symbol.asyncDispose]: async () => undefined,
}));
