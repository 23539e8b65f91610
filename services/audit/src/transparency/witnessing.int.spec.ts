// SPDX-License-Identifier: Apache-2.0
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  formatCheckpoint,
  generateSigningKeyPem,
  leafHash,
  type NoteSigner,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  pemSigner,
  signNote,
  type VerifierKey,
} from '@plumbline/merkle';
import { ManagedProcess, startGit, tempDir, type TempDir } from '@plumbline/testkit';
import { processConfigSource } from '@plumbline/platform';
import { describe, expect, it } from 'vitest';
import { fill, freshDatabase, openSigned, origin, type SignedAudit, treeOptions, until } from './tree.fixture.js';
import type { AnchorConfig, TreeConfig } from './tree.config.js';

const WITNESS = fileURLToPath(new URL('../../../../witness/bin/plumbline-witness.js', import.meta.url));
const gitProcess = { variables: { PATH: processConfigSource()['PATH'] ?? '' }, timeoutMs: 60_000 };

/** The real witness, as a second team starts it. */
interface RunningWitness extends AsyncDisposable {
  readonly url: string;
  readonly key: VerifierKey;
  readonly stateFile: string;
}

async function startWitness(dir: TempDir, log: NoteSigner, port = 0): Promise<RunningWitness> {
  const keyFile = path.join(dir.path, 'witness.key');
  const pem = await readFile(keyFile, 'utf8').catch(async () => {
    const made = generateSigningKeyPem();
    await writeFile(keyFile, made, { mode: 0o600 });
    return made;
  });
  const stateFile = path.join(dir.path, 'state.json');
  const child = await ManagedProcess.start({
    name: 'plumbline-witness',
    command: process.execPath,
    args: [
      WITNESS,
      'serve',
      '--name',
      'witness.test/one',
      '--key',
      keyFile,
      '--state',
      stateFile,
      '--log',
      log.key.text,
      '--listen',
      `127.0.0.1:${port}`,
    ],
    ready: (output) => /listens at http/.test(output),
  });
  const url = /listens at (http\S+)/.exec(child.output)?.[1] ?? '';
  return {
    url,
    key: pemSigner(pem, 'witness.test/one', 'cosignature').key,
    stateFile,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function signerOf(config: TreeConfig): NoteSigner {
  if (config.signer === undefined) throw new Error('this log is not signed');
  return config.signer;
}

/** The newest cosigned checkpoint, verified with the keys of log and witness; 0 when there is none. */
async function witnessedSize(audit: SignedAudit, witness: VerifierKey): Promise<number> {
  const note = await audit.transparency.tree.checkpoint({ witnessed: true }).catch(() => undefined);
  if (note === undefined) return 0;
  const { size, signatures } = openCheckpoint(note, signerOf(audit.config).key, [witness]);
  expect(signatures.map(({ key }) => key.name)).toContain(witness.name);
  return size;
}

describe('a log with a witness', () => {
  it('is cosigned as it grows, also after the witness and the log were restarted', async () => {
    await using database = await freshDatabase();
    await using dir = await tempDir('witness');
    const base = treeOptions();
    {
      await using witness = await startWitness(dir, signerOf(base));
      await using audit = await openSigned(database, { ...base, witnesses: [witness] });
      await audit.log.whenLeading();
      await fill(audit.log, 5);
      await until('five are cosigned', async () => (await witnessedSize(audit, witness.key)) === 5);
      await fill(audit.log, 300);
      await until('all are cosigned', async () => (await witnessedSize(audit, witness.key)) === 305);
      expect(JSON.parse(await readFile(witness.stateFile, 'utf8'))).toMatchObject({
        logs: { [origin]: { size: 305 } },
      });
      expect(audit.transparency.status.witnesses).toMatchObject([{ name: 'witness.test/one', ageSeconds: 0 }]);
    }
    await using witness = await startWitness(dir, signerOf(base));
    await using again = await openSigned(database, { ...base, witnesses: [witness] });
    await again.log.whenLeading();
    await fill(again.log, 1);
    await until('the new one is cosigned', async () => (await witnessedSize(again, witness.key)) === 306);
    // One stored line: the same size is not cosigned twice.
    expect(
      (await again.transparency.tree.checkpoint({ witnessed: true }))
        .split('\n')
        .filter((line) => line.startsWith('— witness')),
    ).toHaveLength(1);
  });

  it('goes on without it, tells how long it has waited, raises an alarm once, and catches up when it is back', async () => {
    await using database = await freshDatabase();
    await using dir = await tempDir('witness');
    const base = treeOptions();
    let port = 0;
    let key: VerifierKey | undefined;
    {
      await using first = await startWitness(dir, signerOf(base));
      [port, key] = [Number(new URL(first.url).port), first.key];
    }
    await using audit = await openSigned(database, {
      ...base,
      witnesses: [{ key, url: `http://127.0.0.1:${port}` }],
      witnessAlarmMs: 200,
    });
    await audit.log.whenLeading();
    await fill(audit.log, 3);
    expect((await audit.checkpoint(3)).size).toBe(3);
    await until('the alarm', () =>
      audit.lines.some(({ level, message }) => level === 'error' && /wait too long for a witness/.test(message)),
    );
    expect(
      audit.lines.filter(({ level, message }) => level === 'warn' && /a witness does not cosign/.test(message)),
    ).toHaveLength(1);
    expect(audit.transparency.status.witnesses[0]?.ageSeconds).toBeGreaterThan(0.1);
    await fill(audit.log, 3);
    expect((await audit.checkpoint(6)).size).toBe(6);
    await using back = await startWitness(dir, signerOf(base), port);
    await until('it caught up', async () => (await witnessedSize(audit, back.key)) === 6);
    expect(audit.lines).toContainEqual(expect.objectContaining({ level: 'info', message: 'a witness cosigns again' }));
    expect(audit.lines.filter(({ message }) => /wait too long/.test(message))).toHaveLength(1);
  });

  it('that was put back from an older copy, or forked, is found by its witness', async () => {
    await using database = await freshDatabase();
    await using dir = await tempDir('witness');
    const base = treeOptions();
    await using witness = await startWitness(dir, signerOf(base));
    {
      await using audit = await openSigned(database, { ...base, witnesses: [witness] });
      await audit.log.whenLeading();
      await fill(audit.log, 20);
      await until('it is cosigned', async () => (await witnessedSize(audit, witness.key)) === 20);
    }
    for (const events of [4, 30]) {
      await using copy = await freshDatabase();
      await using fork = await openSigned(copy, { ...base, witnesses: [witness] });
      await fork.log.whenLeading();
      await fill(fork.log, events);
      await until(`it tells with ${events} events`, () =>
        fork.lines.some(({ level, fields }) => level === 'error' && fields['errorCode'] === 'PLB-9116'),
      );
      expect(await witnessedSize(fork, witness.key)).toBe(0);
    }
  });
});

describe('a log that is anchored', () => {
  const anchorOf = (dir: TempDir, url: string): AnchorConfig => ({
    everyMs: 100,
    writer: { root: path.join(dir.path, 'anchor'), url, branch: 'checkpoints', gitProcess },
  });

  it('leaves its checkpoints in a Git repository, a commit each, consistent with one another', async () => {
    await using database = await freshDatabase();
    await using git = await startGit();
    await using dir = await tempDir('anchor');
    const repository = await git.createRepository('anchor');
    await using audit = await openSigned(database, treeOptions({ anchor: anchorOf(dir, repository.url) }));
    await audit.log.whenLeading();
    for (const size of [2, 5, 6, 7]) {
      await fill(audit.log, size - (await audit.log.head()));
      await until(`${size} are anchored`, () => audit.transparency.status.anchoredSize === size);
    }
    const { key } = signerOf(audit.config);
    const commits = (await repository.git(['rev-list', '--reverse', 'checkpoints'])).trim().split('\n');
    const sizes = await Promise.all(
      commits.map(
        async (commit) => openCheckpoint(await repository.git(['show', `${commit}:${origin}/checkpoint`]), key).size,
      ),
    );
    // One commit for each size, although the anchor looks more often.
    expect(sizes).toEqual([2, 5, 6, 7]);
    expect(await repository.git(['show', `checkpoints:${origin}/key`])).toContain(key.text);
  });

  it('does not anchor over a checkpoint that it does not begin with, and says so', async () => {
    await using database = await freshDatabase();
    await using git = await startGit();
    await using dir = await tempDir('anchor');
    const repository = await git.createRepository('anchor');
    const config = treeOptions({ anchor: anchorOf(dir, repository.url) });
    const foreign = await signNote(
      formatCheckpoint({ origin, size: 2, root: leafHash('another log') }),
      signerOf(config),
    );
    await repository.commit({ files: { [`${origin}/checkpoint`]: foreign }, branch: 'checkpoints' });
    await using audit = await openSigned(database, config);
    await audit.log.whenLeading();
    await fill(audit.log, 4);
    await until('it tells', () =>
      audit.lines.some(({ level, fields }) => level === 'error' && fields['errorCode'] === 'PLB-9117'),
    );
    expect(
      parseCheckpoint(parseNote(await repository.git(['show', `checkpoints:${origin}/checkpoint`])).text).root,
    ).toEqual(leafHash('another log'));
    expect((await audit.checkpoint(4)).size).toBe(4);
  });

  it('goes on when the repository is gone, and anchors when it is back', async () => {
    await using database = await freshDatabase();
    await using git = await startGit();
    await using dir = await tempDir('anchor');
    const repository = await git.createRepository('anchor');
    git.setFault(() => ({ status: 503 }));
    await using audit = await openSigned(database, treeOptions({ anchor: anchorOf(dir, repository.url) }));
    await audit.log.whenLeading();
    await fill(audit.log, 2);
    await until('it warns', () =>
      audit.lines.some(({ level, message }) => level === 'warn' && /anchored/.test(message)),
    );
    git.setFault(undefined);
    await until('it is anchored', () => audit.transparency.status.anchoredSize === 2);
    await rm(path.join(dir.path, 'anchor'), { recursive: true, force: true });
    await fill(audit.log, 1);
    await until('it is anchored without its own copy', () => audit.transparency.status.anchoredSize === 3);
  });
});
