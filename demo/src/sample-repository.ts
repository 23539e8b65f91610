// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The sample repository: a real bare Git repository on disk, and a clone to commit from. */
export class SampleRepository {
  readonly #clone: string;

  private constructor(
    clone: string,
    /** What the Repository resource points to. */
    readonly url: string,
  ) {
    this.#clone = clone;
  }

  /** Makes the repository with its first commit. */
  static async create(dir: string): Promise<SampleRepository> {
    const bare = join(dir, 'shop.git');
    const clone = join(dir, 'shop');
    await mkdir(clone, { recursive: true });
    await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', bare]);
    await run('git', ['init', '--quiet', '--initial-branch=main', clone]);
    await cp(fileURLToPath(new URL('../sample/', import.meta.url)), clone, { recursive: true });
    const repository = new SampleRepository(clone, pathToFileURL(bare).href);
    await repository.#git('remote', 'add', 'origin', bare);
    await repository.#commit('the shop and its settings');
    return repository;
  }

  /** Replaces a text in a file, commits and pushes; returns the commit. */
  async change(
    file: string,
    edit: { readonly from: string; readonly to: string; readonly message: string },
  ): Promise<string> {
    const path = join(this.#clone, file);
    const before = await readFile(path, 'utf8');
    if (!before.includes(edit.from)) throw new Error(`${file} does not contain "${edit.from}"`);
    await writeFile(path, before.replace(edit.from, edit.to));
    return this.#commit(edit.message);
  }

  async #commit(message: string): Promise<string> {
    await this.#git('add', '--all');
    await this.#git(
      '-c',
      'user.name=Dana Developer',
      '-c',
      'user.email=dana@example.com',
      '-c',
      'commit.gpgsign=false',
      'commit',
      '--quiet',
      '-m',
      message,
    );
    await this.#git('push', '--quiet', 'origin', 'main');
    return (await this.#git('rev-parse', 'HEAD')).trim();
  }

  async #git(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('git', ['-C', this.#clone, ...args]);
    return stdout;
  }
}
