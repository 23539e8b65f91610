// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { childEnvironment } from '../testkit.config.js';
import { describeWith } from '../vitest/index.js';
import { gitEnvironment } from './git-repository.js';
import { type SshKey, type SshServer, startSsh } from './ssh.js';
import { tempDir } from './temp-dir.js';

const run = promisify(execFile);

async function heads(
  server: SshServer,
  url: string,
  options: { readonly key?: SshKey; readonly knownHostsFile: string },
): Promise<string> {
  const ssh = `ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -i ${(options.key ?? server.key).file} -o StrictHostKeyChecking=yes -o UserKnownHostsFile=${options.knownHostsFile}`;
  const { stdout } = await run('git', ['ls-remote', '--heads', url], {
    env: childEnvironment({ ...gitEnvironment, GIT_SSH_COMMAND: ssh }),
  });
  return stdout.trim();
}

describeWith('ssh', 'the SSH server', () => {
  it('lets in its key and nobody else, under the identity that it tells', async () => {
    await using server = await startSsh();
    await using dir = await tempDir('ssh-client');
    const knownHostsFile = path.join(dir.path, 'known_hosts');
    await writeFile(knownHostsFile, server.knownHosts);
    const repository = await server.createRepository('shop');
    const commit = await repository.commit({ files: { 'a.yaml': 'a: 1\n' } });
    expect(await heads(server, repository.url, { knownHostsFile })).toBe(`${commit}\trefs/heads/main`);
    expect(server.output).toContain('Accepted publickey');
    await expect(heads(server, repository.url, { knownHostsFile, key: await server.strangersKey() })).rejects.toThrow(
      'Permission denied (publickey)',
    );
    await server.changeHostKey();
    await expect(heads(server, repository.url, { knownHostsFile })).rejects.toThrow('Host key verification failed');
    await writeFile(knownHostsFile, server.knownHosts);
    expect(await heads(server, repository.url, { knownHostsFile })).toContain(commit);
  });

  it('is gone, with its port, after disposal', async () => {
    const server = await startSsh();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    await expect(run('ssh', ['-F', '/dev/null', '-o', 'BatchMode=yes', url, 'true'])).rejects.toThrow(
      'Connection refused',
    );
  });
});
