// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlumblineClient } from '@plumbline/api-client';
import { messageOf } from '@plumbline/core';
import { childEnvironment } from './options.config.js';

/** A running server, as `plumb up` starts it. */
export interface DemoServer {
  readonly url: string;
  readonly token: string;
  readonly client: PlumblineClient;
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 300_000;

/** Starts a server on free ports with its data in the directory; its log goes to `server.log` there. */
export async function startServer(dataDir: string): Promise<DemoServer> {
  const [port, grpcPort] = [await freePort(8080), await freePort(8081)];
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(dataDir, 'server.log');
  const log = createWriteStream(logPath);
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      '--max-semi-space-size=16',
      '--v8-pool-size=1',
      fileURLToPath(import.meta.resolve('@plumbline/standalone/main')),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: childEnvironment({
        PLUMBLINE_DATA_DIR: dataDir,
        PLUMBLINE_GATEWAY_LISTEN: `127.0.0.1:${port}`,
        PLUMBLINE_GATEWAY_GRPC_LISTEN: `127.0.0.1:${grpcPort}`,
      }),
    },
  );
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const token = await ready(child, { url, dataDir, logPath });
  return {
    url,
    token,
    ended,
    client: new PlumblineClient({ server: url, token, userAgent: 'plumb-demo' }),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function ready(
  child: ChildProcess,
  at: { readonly url: string; readonly dataDir: string; readonly logPath: string },
): Promise<string> {
  const untilMs = Date.now() + START_LIMIT_MS;
  const tokenPath = join(at.dataDir, 'admin.token');
  let last = '';
  while (Date.now() < untilMs) {
    if (child.exitCode !== null) break;
    if (existsSync(tokenPath)) {
      try {
        const token = (await readFile(tokenPath, 'utf8')).trim();
        await new PlumblineClient({ server: at.url, token, userAgent: 'plumb-demo', timeoutMs: 2_000 }).whoAmI();
        return token;
      } catch (error) {
        last = messageOf(error);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const reason =
    child.exitCode === null
      ? `not ready after ${START_LIMIT_MS / 1000} s ${last}`.trim()
      : `exit code ${child.exitCode}`;
  child.kill('SIGKILL');
  const tail = (await readFile(at.logPath, 'utf8').catch(() => '')).split('\n').slice(-15).join('\n');
  throw new Error(`the server did not start (${reason}); the end of ${at.logPath}:\n${tail}`);
}

function freePort(preferred: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = (port: number): void => {
      const server = createServer();
      server.once('error', (error) => (port === 0 ? reject(error) : probe(0)));
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
      });
    };
    probe(preferred);
  });
}
