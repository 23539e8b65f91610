// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment } from '../testkit.config.js';

/** No configuration of the machine or its user may reach a test. */
export const gitEnvironment: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
};

export interface GitAuthor {
  readonly name: string;
  readonly email: string;
}

/** Mode and content of a file that is not a plain text file. */
export interface GitFile {
  readonly content: string | Buffer;
  /** `120000` is a symbolic link whose target is the content. Default `100644`. */
  readonly mode?: '100644' | '100755' | '120000';
}

export interface CommitOptions {
  /** By path. On top of the parent's tree unless `replaceTree`; undefined deletes the path. */
  readonly files: Readonly<Record<string, string | GitFile | undefined>>;
  /** Default `main`. */
  readonly branch?: string;
  /** Default `Change`. */
  readonly message?: string;
  /** Default `Ada <ada@example.com>`; also the committer. */
  readonly author?: GitAuthor;
  /** Default now. */
  readonly time?: Date;
  /** Default the branch's head. Anything else moves the branch by force; `none` makes a root commit. */
  readonly parent?: string;
  /** The commit holds `files` and nothing else. */
  readonly replaceTree?: boolean;
}

const ADA: GitAuthor = { name: 'Ada', email: 'ada@example.com' };

/** A bare repository that tests commit to directly, as if somebody had pushed. */
export class GitRepository {
  readonly name: string;
  /** The bare repository on disk; also a URL that Git understands. */
  readonly path: string;
  /** `http://127.0.0.1:PORT/<name>.git` */
  readonly url: string;

  constructor(name: string, dir: string, url: string) {
    this.name = name;
    this.path = dir;
    this.url = url;
  }

  /** The URL with the user info that {@link GitServerOptions.auth} asks for. */
  urlWith(username: string, password: string): string {
    const url = new URL(this.url);
    url.username = username;
    url.password = password;
    return url.href;
  }

  /** Commits and returns the commit's id. */
  async commit(options: CommitOptions): Promise<string> {
    const ref = `refs/heads/${options.branch ?? 'main'}`;
    const head = await this.#find(ref);
    const parent = options.parent === 'none' ? undefined : (options.parent ?? head);
    const { name, email } = options.author ?? ADA;
    const seconds = Math.floor((options.time ?? new Date()).getTime() / 1_000);
    const message = Buffer.from(options.message ?? 'Change');
    const parts: (string | Buffer)[] = [];
    // `commit` continues the branch by itself; only `reset` first makes a root or another parent possible.
    if (head !== undefined) parts.push(`reset ${ref}\n`, parent === undefined ? '\n' : `from ${parent}\n\n`);
    parts.push(
      `commit ${ref}\nmark :1\n`,
      `author ${name} <${email}> ${seconds} +0000\n`,
      `committer ${name} <${email}> ${seconds} +0000\n`,
    );
    parts.push(`data ${message.length}\n`, message, '\n');
    if (parent !== undefined) parts.push(`from ${parent}\n`);
    if (options.replaceTree === true) parts.push('deleteall\n');
    for (const [file, value] of Object.entries(options.files)) parts.push(...fileChange(file, value));
    parts.push('\ndone\n');
    await this.git(
      ['fast-import', '--quiet', '--force', '--done'],
      Buffer.concat(parts.map((part) => Buffer.from(part))),
    );
    return this.head(options.branch);
  }

  /** The commit a branch points at; throws when there is no such branch. */
  async head(branch = 'main'): Promise<string> {
    return (await this.git(['rev-parse', '--verify', `refs/heads/${branch}^{commit}`])).trim();
  }

  /** Creates or moves a branch; moving back is what a force push does. */
  async setBranch(branch: string, commit: string): Promise<void> {
    await this.git(['update-ref', `refs/heads/${branch}`, commit]);
  }

  async deleteBranch(branch: string): Promise<void> {
    await this.git(['update-ref', '-d', `refs/heads/${branch}`]);
  }

  /** A lightweight tag, or an annotated one when there is a message. Moves an existing tag. */
  async tag(tag: string, commit: string, message?: string): Promise<void> {
    const annotated = message === undefined ? [] : ['-a', '-m', message];
    await this.git([
      '-c',
      `user.name=${ADA.name}`,
      '-c',
      `user.email=${ADA.email}`,
      'tag',
      '--force',
      ...annotated,
      tag,
      commit,
    ]);
  }

  async deleteTag(tag: string): Promise<void> {
    await this.git(['tag', '--delete', tag]);
  }

  /** Runs any Git command in the bare repository and returns its output. */
  async git(args: readonly string[], input?: Buffer): Promise<string> {
    const child = spawn('git', ['-C', this.path, ...args], {
      env: childEnvironment(gitEnvironment),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    // The exit code tells; a command that reads no input closes the pipe early.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`git ${args.join(' ')} in ${this.name} ended with ${String(code)}: ${stderr}`);
    return stdout;
  }

  async #find(ref: string): Promise<string | undefined> {
    const found = (await this.git(['for-each-ref', '--format=%(objectname)', ref])).trim();
    return found === '' ? undefined : found;
  }
}

function quotePath(file: string): string {
  return `"${file.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

function fileChange(file: string, value: string | GitFile | undefined): (string | Buffer)[] {
  if (value === undefined) return [`D ${quotePath(file)}\n`];
  const { content, mode = '100644' } = typeof value === 'string' ? { content: value } : value;
  const data = Buffer.from(content);
  return [`M ${mode} inline ${quotePath(file)}\n`, `data ${data.length}\n`, data, '\n'];
}
