// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';

const handedOut = new Set<number>();

/**
 * A TCP port on 127.0.0.1 that is free now and that this process has not handed out before.
 * Another process may still take it first: start servers through {@link withFreePort}.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', reject);
      probe.listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() =>
          address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
        );
      });
    });
    if (!handedOut.has(port)) {
      handedOut.add(port);
      return port;
    }
  }
}

/** Calls `start` with a free port, and again with another one when somebody else took it meanwhile. */
export async function withFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      const lostRace =
        error instanceof Error && /address already in use|EADDRINUSE|could not bind/i.test(error.message);
      if (!lostRace || attempt === 3) throw error;
    }
  }
}
