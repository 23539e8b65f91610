// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment, findOnPath } from '../testkit.config.js';
import { withFreePort } from './free-port.js';
import { GitRepository, gitEnvironment } from './git-repository.js';
import { ManagedProcess } from './managed-process.js';
import { availability } from './requirements.js';
import { tempDir, type TempDir } from './temp-dir.js';

/** A key pair as OpenSSH keeps it. */
export interface SshKey {
  /** The private key, mode 0600. */
  readonly file: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

/** An sshd on the loopback with Git repositories behind it; whoever logs in is the user who runs the test. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** `ssh://USER@127.0.0.1:PORT` */
  readonly url: string;
  /** The key that may log in. */
  readonly key: SshKey;
  /** A line for a `known_hosts` file with the server's key of now. */
  readonly knownHosts: string;
  /** What the server has said so far: who was let in, who was not. */
  readonly output: string;
  /** A key pair that the server does not know. */
  strangersKey(): Promise<SshKey>;
  /** Lets the server come back with another identity, as an impostor would. */
  changeHostKey(): Promise<void>;
  /** A new bare repository whose URL is `<url>/<absolute path>`; its default branch is `main`. */
  createRepository(name: string): Promise<GitRepository>;
}

const run = promisify(execFile);
const PRIVILEGE_SEPARATION_DIR = '/run/sshd';

async function newKey(file: string): Promise<SshKey> {
  await rm(file, { force: true });
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'plumbline test', '-f', file]);
  const [type = '', key = ''] = (await readFile(`${file}.pub`, 'utf8')).split(' ');
  return { file, publicKey: `${type} ${key}` };
}

/** Servers from 9.8 on shut out clients that fail, which is what tests do; older ones do not know the option. */
async function penaltiesOff(): Promise<readonly string[]> {
  const { stderr } = await run('ssh', ['-V']);
  const [, major = '0', minor = '0'] = /OpenSSH_(\d+)\.(\d+)/.exec(stderr) ?? [];
  return Number(major) > 9 || (Number(major) === 9 && Number(minor) >= 8) ? ['PerSourcePenalties no'] : [];
}

/** Without PAM, sshd lets nobody in whose password is locked, whatever the key; only root's sshd can see that. */
async function isLocked(): Promise<boolean> {
  const shadow = await readFile('/etc/shadow', 'utf8').catch(() => '');
  return shadow.split('\n').some((line) => line.startsWith(`${userInfo().username}:!`));
}

async function configuration(files: { readonly hostKey: string; readonly authorizedKeys: string }): Promise<string> {
  return [
    'ListenAddress 127.0.0.1',
    `HostKey "${files.hostKey}"`,
    `AuthorizedKeysFile "${files.authorizedKeys}"`,
    'PidFile none',
    'LogLevel VERBOSE',
    // The files lie below a directory that everybody may write to.
    'StrictModes no',
    `UsePAM ${(await isLocked()) ? 'yes' : 'no'}`,
    'PermitRootLogin prohibit-password',
    'PubkeyAuthentication yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitUserRC no',
    'AllowTcpForwarding no',
    'X11Forwarding no',
    'PrintMotd no',
    // Where Git is, whatever the login shell says.
    `SetEnv "PATH=${childEnvironment({})['PATH'] ?? ''}" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null`,
    ...(await penaltiesOff()),
    '',
  ].join('\n');
}

class OwnSshServer implements SshServer {
  readonly #dir: TempDir;
  readonly #launch: () => Promise<ManagedProcess>;
  #process: ManagedProcess;
  #hostKey: SshKey;
  #keys = 0;

  constructor(
    readonly port: number,
    readonly key: SshKey,
    parts: {
      readonly dir: TempDir;
      readonly hostKey: SshKey;
      readonly process: ManagedProcess;
      readonly launch: () => Promise<ManagedProcess>;
    },
  ) {
    this.#dir = parts.dir;
    this.#hostKey = parts.hostKey;
    this.#process = parts.process;
    this.#launch = parts.launch;
  }

  get url(): string {
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}`;
  }

  get knownHosts(): string {
    return `[127.0.0.1]:${this.port} ${this.#hostKey.publicKey}\n`;
  }

  get output(): string {
    return this.#process.output;
  }

  async strangersKey(): Promise<SshKey> {
    this.#keys += 1;
    return newKey(path.join(this.#dir.path, `stranger-${this.#keys}`));
  }

  async changeHostKey(): Promise<void> {
    await this.#process.stop();
    this.#hostKey = await newKey(this.#hostKey.file);
    this.#process = await this.#launch();
  }

  async createRepository(name: string): Promise<GitRepository> {
    const dir = path.join(this.#dir.path, 'repositories', `${name}.git`);
    await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', dir], {
      env: childEnvironment(gitEnvironment),
    });
    await run('git', ['-C', dir, 'config', 'uploadpack.allowAnySHA1InWant', 'true'], {
      env: childEnvironment(gitEnvironment),
    });
    return new GitRepository(name, dir, `${this.url}${dir}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** Starts an sshd of this user (about 0.1 s). */
export async function startSsh(): Promise<SshServer> {
  const found = availability('ssh');
  if (!found.available) throw new Error(`cannot start sshd: ${found.reason}`);
  const dir = await tempDir('ssh');
  try {
    const key = await newKey(path.join(dir.path, 'id_ed25519'));
    const hostKey = await newKey(path.join(dir.path, 'host_key'));
    const authorizedKeys = path.join(dir.path, 'authorized_keys');
    await writeFile(authorizedKeys, `${key.publicKey}\n`, { mode: 0o600 });
    const config = path.join(dir.path, 'sshd_config');
    await writeFile(config, await configuration({ hostKey: hostKey.file, authorizedKeys }));
    await preparePrivilegeSeparation();
    return await withFreePort(async (port) => {
      const launch = (): Promise<ManagedProcess> =>
        ManagedProcess.start({
          name: 'sshd',
          command: findOnPath('sshd') ?? 'sshd',
          args: ['-D', '-e', '-f', config, '-p', String(port)],
          ready: (output) => output.includes(`Server listening on 127.0.0.1 port ${port}`),
        });
      return new OwnSshServer(port, key, { dir, hostKey, launch, process: await launch() });
    });
  } catch (error) {
    await dir[Symbol.asyncDispose]();
    throw error;
  }
}

/** Of root, sshd wants an empty directory that its service would have made. */
async function preparePrivilegeSeparation(): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await mkdir(PRIVILEGE_SEPARATION_DIR, { recursive: true, mode: 0o755 });
  await chmod(PRIVILEGE_SEPARATION_DIR, 0o755);
}
