// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { ConflictError } from '@plumbline/core';
import { type ConfigSource, listenAddress, parseListen } from '@plumbline/platform';

/** The addresses that a standalone process is asked to listen on. */
export interface ListenAddresses {
  readonly listen?: string;
  readonly grpcListen?: string;
  readonly settings?: ConfigSource;
}

interface Wanted {
  readonly what: string;
  readonly address: string | undefined;
  readonly flag: string;
  readonly setting: string;
}

/**
 * Checks, before anything is started, that the requested ports are free.
 * @throws ConflictError PLB-4902 that names the port, its use, and the option and setting that change it.
 */
export async function refuseBusyPorts({ listen, grpcListen, settings }: ListenAddresses): Promise<void> {
  const wanted: readonly Wanted[] = [
    { what: 'REST API', address: listen, flag: '--listen', setting: 'PLUMBLINE_GATEWAY_LISTEN' },
    { what: 'gRPC API', address: grpcListen, flag: '--grpc', setting: 'PLUMBLINE_GATEWAY_GRPC_LISTEN' },
    {
      what: 'health endpoint',
      address: settings?.['PLUMBLINE_HEALTH_LISTEN'],
      flag: '--health-listen',
      setting: 'PLUMBLINE_HEALTH_LISTEN',
    },
  ];
  for (const { what, address, flag, setting } of wanted) {
    // A malformed address is reported with all other settings.
    if (address === undefined || !listenAddress.safeParse(address).success) continue;
    const { host, port } = parseListen(address);
    if (port === 0 || !(await isInUse(host, port))) continue;
    throw new ConflictError(
      'PLB-4902',
      `port ${port} of ${host} (${what}) is in use by another process: end that process, or choose another port with ${flag} or ${setting}`,
    );
  }
}

function isInUse(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    server.listen(port, host, () => server.close(() => resolve(false)));
  });
}
