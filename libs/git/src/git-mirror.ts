// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { InputError, UpstreamError } from '@plumbline/core';
import type { CommitInfo } from '@plumbline/events';
import { parseCommits, COMMIT_FORMAT } from './commit-info.js';
import { gitIn } from './git-worker.js';
import { type Git, type GitCommandOptions, GitExit, type GitProcessOptions, upstreamError } from './git-command.js';
import type { GitCredentials } from './git-credentials.js';
import { GitTree, parseTree, type ReadBlobs } from './git-tree.js';
import { knownHosts, remoteOptions } from './git-remote.js';
import { type GitUrl, mirrorName, parseGitUrl } from './git-url.js';
import { withMirrorLock } from './mirror-lock.js';

/** How a mirror is opened. */
export interface GitMirrorOptions {
  /** Directory that holds all mirrors. */
  readonly root: string;
  readonly url: string;
  /** Read before every fetch. */
  readonly credentials?: () => Promise<GitCredentials>;
  readonly gitProcess: GitProcessOptions;
  /**
   * Keys of all trusted SSH servers. Default: `known_hosts` in the root, to which a new server is added at its first
   * connection.
   */
  readonly knownHostsFile?: string;
}

/** Every branch and tag by full name, with the commit that it resolves to, as of the last fetch. */
export type Refs = ReadonlyMap<string, string>;

/** A resolved ref. */
export interface ResolvedRef {
  /** `refs/heads/main`, `refs/tags/v1`, or the commit itself. */
  readonly name: string;
  readonly revision: string;
}

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const STALE_GIT_LOCK_MS = 60_000;
const FETCHES_PER_GC = 200;

/** True for a full commit id. */
export function isCommitId(text: string): boolean {
  return COMMIT.test(text);
}

/**
 * A bare mirror of one URL. Several processes may use one mirror directory: fetches take a lock, reads do not,
 * and commits that a force push removed stay readable.
 */
export class GitMirror {
  readonly directory: string;
  readonly #url: GitUrl;
  readonly #options: GitMirrorOptions;
  #git: Git | undefined;
  #fetches = 0;

  /** @throws InputError PLB-1301 for a URL that is not allowed. */
  constructor(options: GitMirrorOptions) {
    this.#url = parseGitUrl(options.url);
    this.#options = options;
    this.directory = path.join(options.root, mirrorName(this.#url));
  }

  /** The URL without secrets. */
  get url(): string {
    return this.#url.url;
  }

  /**
   * Fetches all branches and tags, and removes those that the server no longer has.
   * @throws InputError PLB-1302 for credentials; UpstreamError PLB-6301…6307 with the cause in `details.reason`.
   */
  async fetch(signal?: AbortSignal): Promise<Refs> {
    await this.#fetchRefspecs(['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'], signal);
    return this.refs();
  }

  /**
   * Fetches a commit unless it is in the mirror. @throws UpstreamError PLB-6306 when the server does not have it or
   * does not serve it by id.
   */
  async ensureCommit(revision: string, signal?: AbortSignal): Promise<void> {
    if (await this.hasCommit(revision)) return;
    await this.#fetchRefspecs(['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'], signal);
    if (await this.hasCommit(revision)) return;
    // Not on any branch: large hosts serve a commit by its id.
    await this.#fetchRefspecs([`+${revision}:refs/plumbline/${revision}`], signal).catch((error: unknown) => {
      throw new UpstreamError(
        'PLB-6306',
        `${this.url}: commit ${revision} is not on a branch or tag, and the server does not serve it by id; push a branch or tag that contains it`,
        { details: { reason: 'CommitMissing' }, cause: error },
      );
    });
  }

  /** Returns whether the commit can be read without a fetch. */
  async hasCommit(revision: string): Promise<boolean> {
    if (!isCommitId(revision)) return false;
    const git = await this.#existing();
    if (git === undefined) return false;
    return git.text(['cat-file', '-t', revision]).then(
      (type) => type.trim() === 'commit',
      () => false,
    );
  }

  /** Returns branches and tags as of the last fetch; tags resolve to their commit. */
  async refs(): Promise<Refs> {
    const git = await this.#ready();
    const output = await this.#run(git, [
      'for-each-ref',
      '--format=%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)',
      'refs/heads',
      'refs/tags',
    ]);
    const refs = new Map<string, string>();
    for (const line of output.split('\n')) {
      const [name = '', type = '', hash = '', peeledType = '', peeled = ''] = line.split('\0');
      if (type === 'commit') refs.set(name, hash);
      else if (peeledType === 'commit') refs.set(name, peeled);
      else if (peeledType === 'tag')
        refs.set(
          name,
          (await this.#run(git, ['rev-parse', '--verify', '--end-of-options', `${name}^{commit}`])).trim(),
        );
    }
    return refs;
  }

  /**
   * Resolves a ref with the refs of the last fetch: a full name, a branch, a tag, or a full commit id, which is
   * fetched when it is on no branch.
   * Returns undefined when it does not exist.
   */
  async resolve(ref: string, refs: Refs, signal?: AbortSignal): Promise<ResolvedRef | undefined> {
    const names = ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
    for (const name of names) {
      const revision = refs.get(name);
      if (revision !== undefined) return { name, revision };
    }
    if (!isCommitId(ref)) return undefined;
    try {
      await this.ensureCommit(ref, signal);
      return { name: ref, revision: ref };
    } catch (error) {
      if (error instanceof UpstreamError && error.code === 'PLB-6306') return undefined;
      throw error;
    }
  }

  /** Returns author, committer, co-authors and subject of a commit. */
  async commit(revision: string): Promise<CommitInfo> {
    const git = await this.#ready();
    this.#checkCommitId(revision);
    const [info] = parseCommits(
      await this.#run(git, ['log', '-1', '--no-show-signature', '--encoding=UTF-8', COMMIT_FORMAT, revision]),
    );
    if (info === undefined)
      throw new UpstreamError(
        'PLB-6306',
        `${this.url}: commit ${revision} is not in the mirror; refresh the repository`,
        {
          details: { reason: 'CommitMissing' },
        },
      );
    return info;
  }

  /** Returns whether `ancestor` is in the history of `descendant`; false also when a commit is missing. */
  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    const git = await this.#ready();
    this.#checkCommitId(ancestor);
    this.#checkCommitId(descendant);
    return git.text(['merge-base', ancestor, descendant]).then(
      (base) => base.trim() === ancestor,
      () => false,
    );
  }

  /**
   * Returns the files of a commit with two Git processes. Contents are read with `readBlobs`, by default {@link
   * blobs}.
   */
  async tree(revision: string, readBlobs: ReadBlobs = (hashes) => this.blobs(hashes)): Promise<GitTree> {
    const git = await this.#ready();
    this.#checkCommitId(revision);
    const [root, listing] = await Promise.all([
      this.#run(git, ['rev-parse', '--verify', '--end-of-options', `${revision}^{tree}`]),
      this.#run(git, ['ls-tree', '-r', '-t', '-z', '--full-tree', revision]),
    ]);
    return GitTree.load(revision, parseTree(listing, root.trim()), readBlobs);
  }

  /** Returns contents by hash, read by one Git process. */
  async blobs(hashes: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    if (hashes.length === 0) return new Map();
    const git = await this.#ready();
    const unique = [...new Set(hashes)];
    const output = await git.catFile(['--batch'], { input: `${unique.join('\n')}\n` }).catch((error: unknown) => {
      throw upstreamError(error, this.url);
    });
    return parseBatch(output, this.url);
  }

  #checkCommitId(revision: string): void {
    if (!isCommitId(revision)) throw new InputError('PLB-1303', `"${revision.slice(0, 80)}" is not a full commit id`);
  }

  async #run(git: Git, args: readonly string[], options?: GitCommandOptions): Promise<string> {
    return git.text(args, options).catch((error: unknown) => {
      throw upstreamError(error, this.url);
    });
  }

  async #existing(): Promise<Git | undefined> {
    if (this.#git !== undefined) return this.#git;
    const exists = await stat(path.join(this.directory, 'HEAD')).then(
      () => true,
      () => false,
    );
    if (exists) this.#git = gitIn(this.directory, this.#options.gitProcess);
    return this.#git;
  }

  async #ready(): Promise<Git> {
    const git = await this.#existing();
    if (git === undefined)
      throw new UpstreamError('PLB-6306', `${this.url} is not fetched yet; retry after the first fetch`, {
        details: { reason: 'NotFetched' },
      });
    return git;
  }

  /** Creates the bare repository under a temporary name and renames it, so that a partial one is never visible. */
  async #create(): Promise<Git> {
    const existing = await this.#existing();
    if (existing !== undefined) return existing;
    const draft = `${this.directory}.new`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true, mode: 0o700 });
    await this.#run(gitIn(draft, this.#options.gitProcess), ['init', '--quiet', '--bare', '--template=', '.']);
    await rename(draft, this.directory);
    this.#git = gitIn(this.directory, this.#options.gitProcess);
    return this.#git;
  }

  async #fetchRefspecs(refspecs: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    await mkdir(this.#options.root, { recursive: true, mode: 0o700 });
    const waitMs = this.#options.gitProcess.timeoutMs ?? 120_000;
    const isMirror = refspecs.length > 1;
    await withMirrorLock(`${this.directory}.lock`, waitMs, async () => {
      const git = await this.#create();
      const options = await this.#remoteOptions(signal);
      // Verbose, because simple-git waits 50 ms for output, which a quiet command does not have.
      const args = [
        'fetch',
        '--verbose',
        '--force',
        '--no-tags',
        '--no-write-fetch-head',
        '--no-recurse-submodules',
        ...(isMirror ? ['--prune'] : []),
        '--',
        this.url,
        ...refspecs,
      ];
      await git.text(args, options).catch(async (error: unknown) => {
        // A killed Git process leaves its lock files; this process holds the mirror lock, so they are not in use.
        if (
          !(error instanceof GitExit) ||
          !/\.lock'?: File exists|cannot lock ref/i.test(error.message) ||
          !(await this.#removeStaleLocks())
        )
          throw upstreamError(error, this.url);
        await this.#run(git, args, options);
      });
      this.#fetches += 1;
      // In the background: Git allows fetches and reads at the same time. A failure only leaves more small files.
      if (this.#fetches % FETCHES_PER_GC === 0) this.#collectGarbage(git).catch(() => undefined);
    });
  }

  /** Packs the objects of many small fetches. Keeps every object, because a removed branch may still be deployed. */
  async #collectGarbage(git: Git): Promise<void> {
    await this.#run(git, ['gc', '--auto', '--quiet'], {
      config: [
        ['gc.auto', '2000'],
        ['gc.autoDetach', 'false'],
        ['gc.pruneExpire', 'never'],
        ['gc.reflogExpire', 'never'],
      ],
    });
  }

  async #removeStaleLocks(): Promise<boolean> {
    const files = await readdir(this.directory, { recursive: true });
    let removed = false;
    for (const file of files) {
      if (!file.endsWith('.lock')) continue;
      const full = path.join(this.directory, file);
      const seen = await stat(full).catch(() => undefined);
      if (seen === undefined || Date.now() - seen.mtimeMs < STALE_GIT_LOCK_MS) continue;
      await rm(full, { force: true });
      removed = true;
    }
    return removed;
  }

  async #remoteOptions(signal: AbortSignal | undefined): Promise<GitCommandOptions> {
    const credentials = (await this.#options.credentials?.()) ?? {};
    return remoteOptions({
      url: this.#url,
      credentials,
      signal,
      knownHosts: knownHosts(this.#options.knownHostsFile, this.#options.root),
    });
  }
}

/** Parses the output of `git cat-file --batch`. */
function parseBatch(output: Buffer, url: string): ReadonlyMap<string, Buffer> {
  const contents = new Map<string, Buffer>();
  let offset = 0;
  while (offset < output.length) {
    const end = output.indexOf(0x0a, offset);
    const [hash = '', type = '', size = ''] = output.toString('latin1', offset, end).split(' ');
    if (end < 0 || type === 'missing' || size === '')
      throw new UpstreamError('PLB-6306', `${url}: object ${hash} is not in the mirror; refresh the repository`, {
        details: { reason: 'ObjectMissing' },
      });
    const start = end + 1;
    contents.set(hash, output.subarray(start, start + Number(size)));
    offset = start + Number(size) + 1;
  }
  return contents;
}
