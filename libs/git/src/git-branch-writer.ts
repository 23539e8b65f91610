// SPDX-License-Identifier: Apache-2.0
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@plumbline/core';
import { gitIn } from './git-worker.js';
import { type Git, type GitCommandOptions, GitExit, upstreamError } from './git-command.js';
import type { GitMirrorOptions } from './git-mirror.js';
import { knownHosts, remoteOptions } from './git-remote.js';
import { type GitUrl, mirrorName, parseGitUrl } from './git-url.js';

/** Content and author of a commit. */
export interface BranchCommit {
  /** New content by path; the other files of the branch stay. */
  readonly files: Readonly<Record<string, string>>;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly signal?: AbortSignal;
}

/** Options of a {@link GitBranchWriter}. */
export interface GitBranchWriterOptions extends GitMirrorOptions {
  readonly branch: string;
}

const TRACKED = 'refs/plumbline/remote';
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/**
 * Adds commits of small files to one branch of a remote repository, without a work tree. Never forces: commits of
 * others stay, and the
 * next push to a branch that was rewound is rejected.
 */
export class GitBranchWriter {
  readonly #url: GitUrl;
  readonly #options: GitBranchWriterOptions;
  readonly #directory: string;

  /** @throws InputError PLB-1301 for an invalid URL, PLB-1304 for an invalid branch. */
  constructor(options: GitBranchWriterOptions) {
    this.#url = parseGitUrl(options.url);
    if (!/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/.test(options.branch) || /\.\.|\.lock$|^-/.test(options.branch))
      throw new InputError(
        'PLB-1304',
        `"${options.branch}" is not a valid branch name; use letters, digits, ".", "_", "-" and "/"`,
      );
    this.#options = options;
    this.#directory = path.join(options.root, `${mirrorName(this.#url)}.writer`);
  }

  /** The URL without secrets. */
  get url(): string {
    return this.#url.url;
  }

  /**
   * Returns the current content of a file on the branch at the server, or undefined. @throws UpstreamError
   * PLB-6301…6307
   */
  async read(file: string, signal?: AbortSignal): Promise<string | undefined> {
    const git = await this.#ready();
    const tip = await this.#fetch(git, signal);
    if (tip === undefined) return undefined;
    return git.text(['show', `${tip}:${file}`]).catch((error: unknown) => {
      if (error instanceof GitExit && /does not exist|exists on disk, but not in/.test(error.message)) return undefined;
      throw upstreamError(error, this.url);
    });
  }

  /**
   * Pushes one commit on top of the branch as of the last {@link read} and returns its id. @throws UpstreamError,
   * also when another commit was pushed since.
   */
  async write({ files, message, author, signal }: BranchCommit): Promise<string> {
    const git = await this.#ready();
    const tip = await this.#tip(git);
    const index = { variables: { GIT_INDEX_FILE: path.join(this.#directory, 'index.plumbline') } };
    await this.#run(git, ['read-tree', tip ?? EMPTY_TREE], index);
    for (const [file, content] of Object.entries(files)) {
      const blob = (await this.#run(git, ['hash-object', '-w', '--stdin'], { input: content })).trim();
      await this.#run(git, ['update-index', '--add', '--cacheinfo', `100644,${blob},${file}`], index);
    }
    const tree = (await this.#run(git, ['write-tree'], index)).trim();
    const identity = {
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
    };
    const commit = (
      await this.#run(git, ['commit-tree', tree, ...(tip === undefined ? [] : ['-p', tip]), '-m', message], {
        variables: identity,
      })
    ).trim();
    await this.#run(
      git,
      ['push', '--verbose', '--', this.url, `${commit}:refs/heads/${this.#options.branch}`],
      await this.#remote(signal),
    );
    return commit;
  }

  async #fetch(git: Git, signal: AbortSignal | undefined): Promise<string | undefined> {
    const options = await this.#remote(signal);
    const listed = await this.#run(git, ['ls-remote', '--', this.url, `refs/heads/${this.#options.branch}`], options);
    if (listed.trim() === '') {
      await this.#run(git, ['update-ref', '-d', TRACKED]);
      return undefined;
    }
    await this.#run(
      git,
      [
        'fetch',
        '--verbose',
        '--no-tags',
        '--no-write-fetch-head',
        '--',
        this.url,
        `+refs/heads/${this.#options.branch}:${TRACKED}`,
      ],
      options,
    );
    return this.#tip(git);
  }

  async #tip(git: Git): Promise<string | undefined> {
    return git.text(['rev-parse', '--verify', '--quiet', `${TRACKED}^{commit}`]).then(
      (text) => text.trim(),
      () => undefined,
    );
  }

  async #ready(): Promise<Git> {
    const git = gitIn(this.#directory, this.#options.gitProcess);
    if (
      await stat(path.join(this.#directory, 'HEAD')).then(
        () => true,
        () => false,
      )
    )
      return git;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#run(git, ['init', '--quiet', '--bare', '--template=', '.']);
    return git;
  }

  async #remote(signal: AbortSignal | undefined): Promise<GitCommandOptions> {
    const credentials = (await this.#options.credentials?.()) ?? {};
    return remoteOptions({
      url: this.#url,
      credentials,
      signal,
      knownHosts: knownHosts(this.#options.knownHostsFile, this.#options.root),
    });
  }

  async #run(git: Git, args: readonly string[], options?: GitCommandOptions): Promise<string> {
    return git.text(args, options).catch((error: unknown) => {
      throw upstreamError(error, this.url);
    });
  }
}
