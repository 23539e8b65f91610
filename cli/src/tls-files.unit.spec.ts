// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { LOG_TLS_NAME, makeTlsFiles } from './tls-files.js';

const files = await makeTlsFiles({ nowMs: Date.now(), dnsNames: ['audit-0.example'] });

async function handshake(options: { readonly ca: string; readonly servername: string }): Promise<string | undefined> {
  const server = createServer({ cert: files['log.crt'], key: files['log.crt.key'] }, (socket) => socket.end());
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const socket: TLSSocket = connect({
    ...options,
    host: '127.0.0.1',
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
  });
  try {
    await once(socket, 'secureConnect');
    return undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    socket.destroy();
    server.close();
  }
}

it('makes a server certificate that a client verifies against the authority, by the fixed name and by further names', async () => {
  for (const servername of [LOG_TLS_NAME, 'audit-0.example', 'localhost'])
    expect(await handshake({ ca: files['ca.crt'], servername })).toBeUndefined();
});

it('makes a server certificate that is valid under no other name and no other authority', async () => {
  expect(await handshake({ ca: files['ca.crt'], servername: 'other.example' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  const other = await makeTlsFiles({ nowMs: Date.now(), dnsNames: [] });
  expect(await handshake({ ca: other['ca.crt'], servername: LOG_TLS_NAME })).toMatch(
    /UNABLE_TO_VERIFY|SELF_SIGNED|BAD_SIGNATURE|CERT_SIGNATURE/,
  );
});

it('makes a server certificate that cannot sign others', () => {
  expect(new X509Certificate(files['ca.crt']).ca).toBe(true);
  expect(new X509Certificate(files['log.crt']).ca).toBe(false);
});
