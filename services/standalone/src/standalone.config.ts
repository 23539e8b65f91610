// SPDX-License-Identifier: Apache-2.0
import { dataDirSetting, listenAddress, loadConfig, processConfigSource } from '@plumbline/platform';
import { z } from 'zod';
import type { StandaloneOptions } from './standalone.js';

const schema = z.object({
  PLUMBLINE_DATA_DIR: dataDirSetting,
  PLUMBLINE_GATEWAY_LISTEN: listenAddress.default('127.0.0.1:8080').describe('HOST:PORT of the REST API.'),
  PLUMBLINE_GATEWAY_GRPC_LISTEN: listenAddress.default('127.0.0.1:8081').describe('HOST:PORT of the gRPC API.'),
});

/** Options of a standalone process from its environment; every other setting is passed on to the services. */
export function standaloneOptions(): StandaloneOptions {
  const settings = processConfigSource();
  const values = loadConfig(schema, settings);
  return {
    settings,
    dataDir: values.PLUMBLINE_DATA_DIR,
    listen: values.PLUMBLINE_GATEWAY_LISTEN,
    grpcListen: values.PLUMBLINE_GATEWAY_GRPC_LISTEN,
  };
}
