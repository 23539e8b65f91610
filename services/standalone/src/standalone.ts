// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '@plumbline/core';
import {
  type ConfigSource,
  createLogger,
  type Host,
  type Logger,
  LogLevel,
  startHost,
  type Stoppable,
} from '@plumbline/platform';
import { startEmbeddedPostgres } from './embedded/embedded-postgres.js';
import { lockDataDir } from './instance-lock.js';
import { refuseBusyPorts } from './ports.js';
import { ensureKeys, type KeyFiles } from './keys.js';
import { StandaloneModule } from './standalone.module.js';

/** Options of {@link startStandalone}. */
export interface StandaloneOptions {
  /** Directory of all data; created when it does not exist. One process uses it at a time. */
  readonly dataDir: string;
  /** `HOST:PORT` of the REST API and the webhooks; a free port of 127.0.0.1 when absent. */
  readonly listen?: string;
  /** `HOST:PORT` of the gRPC API; a free port of 127.0.0.1 when absent. */
  readonly grpcListen?: string;
  /**
   * Further settings of services (`PLUMBLINE_<AREA>_<KEY>`); the settings that {@link settingsOf} derives cannot be
   * overridden.
   */
  readonly settings?: ConfigSource;
  readonly logger?: Logger;
  /** Receives each step of the start. */
  readonly onProgress?: (step: string) => void;
}

/** A running standalone process. */
export interface Standalone extends Stoppable, AsyncDisposable {
  /** Base URL of the REST API. */
  readonly url: string;
  /** `grpc://host:port` of the gRPC API. */
  readonly grpcUrl: string;
  /** `http://host:port` of /healthz, /readyz and /metrics. */
  readonly healthUrl: string;
  readonly dataDir: string;
  /** File with the first admin token, mode 0600. */
  readonly adminTokenFile: string;
  readonly host: Host;
}

const LOCAL = '127.0.0.1:0';

/** Returns the settings of services that share one process, one database and one data directory. */
function settingsOf(
  options: StandaloneOptions,
  dataDir: string,
  made: { readonly keys: KeyFiles; readonly databaseUrl: string; readonly adminTokenFile: string },
): ConfigSource {
  const { keys, databaseUrl, adminTokenFile } = made;
  return {
    ...options.settings,
    PLUMBLINE_DATA_DIR: dataDir,
    PLUMBLINE_LOG_URL: databaseUrl,
    // May be kept outside of the data directory.
    PLUMBLINE_LOG_SIGNING_KEY_FILE: options.settings?.['PLUMBLINE_LOG_SIGNING_KEY_FILE'] ?? keys.logSigning,
    // No other process uses the log.
    PLUMBLINE_AUDIT_GRPC_LISTEN: undefined,
    PLUMBLINE_BUS_URL: 'inproc:',
    PLUMBLINE_OBJECT_STORE_URL: databaseUrl,
    PLUMBLINE_GIT_MIRROR_DIR: path.join(dataDir, 'git'),
    PLUMBLINE_SECRETS_KEY_FILE: keys.seal,
    PLUMBLINE_POLICY_SIGNING_KEY_FILE: keys.release,
    PLUMBLINE_APPLIER_RELEASE_PUBLIC_KEY_FILE: keys.releasePublic,
    PLUMBLINE_GATEWAY_LISTEN: options.listen ?? LOCAL,
    PLUMBLINE_GATEWAY_GRPC_LISTEN: options.grpcListen ?? LOCAL,
    PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: adminTokenFile,
  };
}

function loggerFor(options: StandaloneOptions): Logger {
  const wanted = options.settings?.['PLUMBLINE_LOGGING_LEVEL'];
  return (
    options.logger ??
    createLogger({ service: 'standalone', level: LogLevel.find((level) => level === wanted) ?? 'info' })
  );
}

/**
 * Starts all services, an embedded PostgreSQL and the in-process bus. Resolves when everything has caught up and the
 * API answers;
 * rejects, with everything stopped again, when something cannot start.
 */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const dataDir = path.resolve(options.dataDir);
  const logger = loggerFor(options);
  const onProgress = options.onProgress ?? (() => undefined);
  onProgress(`  data directory ${dataDir}`);
  await refuseBusyPorts(options);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = await lockDataDir(dataDir);
  const undo: (() => Promise<unknown> | void)[] = [() => lock.release()];
  /** Stops the parts in reverse order of their start; a failure does not prevent the others from stopping. */
  const stopAll = async (): Promise<readonly string[]> => {
    const failures: string[] = [];
    for (const step of undo.toReversed()) {
      try {
        const result: unknown = await step();
        if (Array.isArray(result)) failures.push(...result.map(String));
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    return failures;
  };
  try {
    const keys = await ensureKeys(dataDir);
    onProgress('  starting the database');
    const postgres = await startEmbeddedPostgres({
      dataDir: path.join(dataDir, 'postgres'),
      passwordFile: keys.databasePassword,
      logger,
      onProgress: (step) => onProgress(`  ${step}`),
    });
    undo.push(async () => postgres.stop());
    const adminTokenFile = path.join(dataDir, 'admin.token');
    const source = settingsOf(options, dataDir, { keys, databaseUrl: postgres.url, adminTokenFile });
    onProgress('  starting the services');
    const host = await startHost({ module: StandaloneModule, name: 'standalone', source, logger });
    undo.push(async () => host.stop());
    let stopping: Promise<readonly string[]> | undefined;
    const stop = async (): Promise<readonly string[]> => (stopping ??= stopAll());
    return {
      url: host.endpoints.get('http') ?? '',
      grpcUrl: host.endpoints.get('grpc') ?? '',
      healthUrl: host.endpoints.get('health') ?? '',
      dataDir,
      adminTokenFile,
      host,
      logger,
      stop,
      [Symbol.asyncDispose]: async () => void (await stop()),
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
