// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';

/** A TCP port on 127.0.0.1 that is free now; somebody may still be faster. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new TypeError('no port')),
      );
    });
  });
}
