// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError } from '@plumbline/api-client';
import { type Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { CommandError, ExitCode, exitCodeOf, explain } from './exit-code.js';
import { parseSelector, readResources, singularKind } from './commands/resources.js';
import { resolveProfile, writeProfile } from './profile.config.js';
import { buildProgram, withVersionOption } from './program.js';

async function run(...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  let text = '';
  const write = (part: string): void => void (text += part);
  const program = buildProgram({
    terminal: { out: write, err: write, colours: false, interactive: false, width: 80 },
    environment: {},
    nowMs: () => 0,
    signal: new AbortController().signal,
    onExit: () => undefined,
  });
  try {
    await program.parseAsync([...withVersionOption(args)], { from: 'user' });
    return { code: 0, text };
  } catch (error) {
    return { code: exitCodeOf(error), text: text + (error instanceof CommanderError ? '' : explain(error)) };
  }
}

describe('plumb', () => {
  it('answers misuse with exit status 2 and help with 0', async () => {
    expect((await run('frobnicate')).code).toBe(ExitCode.usage);
    expect((await run('rollback', 'web')).code).toBe(ExitCode.usage);
    expect((await run('approve', 'web', 'two')).code).toBe(ExitCode.usage);
    expect((await run('get', 'applications', '-o', 'xml')).code).toBe(ExitCode.usage);
    expect((await run('subscription', 'declare', 'chat', '--url', 'https://x')).code).toBe(ExitCode.usage);
    expect(
      (
        await run(
          'subscription',
          'declare',
          'chat',
          '--url',
          'https://x',
          '--secret-file',
          '/a',
          '--secret-env',
          'PLUMBLINE_CRED_A',
        )
      ).code,
    ).toBe(ExitCode.usage);
    expect((await run('subscription', 'replay', 'chat', '--after', 'then')).code).toBe(ExitCode.usage);
    expect((await run('diff', 'web', '--live', '--as-of', '3')).code).toBe(ExitCode.usage);
    expect((await run('events', '--follow', '--as-of', '3')).code).toBe(ExitCode.usage);
    expect((await run('wait', 'web', '--as-of', '3')).code).toBe(ExitCode.usage);
    expect((await run('--help')).code).toBe(ExitCode.done);
  });

  it('prints the version of the client with --version, and leaves the option of verbs alone', async () => {
    expect(await run('--version')).toEqual(await run('version', '--client'));
    expect((await run('--version')).code).toBe(ExitCode.done);
    expect(withVersionOption(['plan', 'web', '--version', '3'])).toEqual(['plan', 'web', '--version', '3']);
  });

  it('has --as-of and --known-at in every verb that reads, except those listed with a reason', () => {
    const presentOnly: Readonly<Record<string, string>> = {
      up: 'runs a server',
      demo: 'runs a server',
      login: 'stores a profile',
      keygen: 'creates files',
      doctor: 'checks an installation',
      version: 'prints versions',
      completion: 'prints a script',
      apply: 'changes',
      delete: 'changes',
      'token issue': 'changes',
      'token revoke': 'changes',
      'subscription declare': 'changes',
      'subscription delete': 'changes',
      'subscription replay': 'changes',
      approve: 'changes',
      reject: 'changes',
      sync: 'changes',
      rollback: 'changes',
      suspend: 'changes',
      resume: 'changes',
      refresh: 'changes',
      plan: 'a dry-run on the clusters',
      wait: 'waits for a future state',
    };
    const program = buildProgram({
      terminal: { out: () => undefined, err: () => undefined, colours: false, interactive: false, width: 80 },
      environment: {},
      nowMs: () => 0,
      signal: new AbortController().signal,
      onExit: () => undefined,
    });
    const verbs = (commands: readonly Command[], before = ''): readonly (readonly [string, Command])[] =>
      commands.flatMap((command) =>
        command.commands.length > 0
          ? verbs(command.commands, `${before}${command.name()} `)
          : [[`${before}${command.name()}`, command]],
      );
    // The verbs of the log are about the whole of it, or about a size.
    const others = verbs(program.commands).filter(
      ([name, command]) =>
        !name.startsWith('log ') &&
        !['--as-of', '--known-at'].every((option) => command.options.some(({ long }) => long === option)),
    );
    expect(others.map(([name]) => name).sort()).toEqual(Object.keys(presentOnly).sort());
  });

  it('names the server that it cannot reach', async () => {
    const { code, text } = await run('get', 'applications', '--server', 'http://127.0.0.1:1');
    expect(code).toBe(ExitCode.failed);
    expect(text).toContain('http://127.0.0.1:1 cannot be reached');
  });

  it.each(['bash', 'zsh', 'fish'])('completes in %s', async (shell) => {
    const { text } = await run('completion', shell);
    for (const verb of ['rollback', 'approve', 'applications']) expect(text).toContain(verb);
  });
});

describe('exit statuses', () => {
  it.each([
    [404, ExitCode.notFound],
    [403, ExitCode.refused],
    [409, ExitCode.refused],
    [400, ExitCode.usage],
    [500, ExitCode.failed],
    [504, ExitCode.timedOut],
  ])('HTTP %i is %i', (status, expected) => {
    expect(exitCodeOf(new ApiError(status, { code: 'PLB-1', message: 'm' }, undefined))).toBe(expected);
  });

  it('lists every mistake of refused input', () => {
    const error = new ApiError(
      400,
      { code: 'PLB-1702', message: 'bad', details: { issues: [{ path: 'spec.ref', message: 'too long' }] } },
      undefined,
    );
    expect(explain(error)).toBe('bad (PLB-1702)\n  spec.ref: too long');
    expect(exitCodeOf(new CommandError(ExitCode.timedOut, 'late'))).toBe(4);
  });
});

describe('files and profiles', () => {
  it('reads several documents, and names file and document of a bad one', () => {
    const dir = mkdtempSync(join(tmpdir(), 'plumb-'));
    try {
      writeFileSync(
        join(dir, 'a.yaml'),
        'apiVersion: v1\nkind: Cluster\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Cluster\nmetadata: {name: b}\n',
      );
      expect(readResources(dir).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
      writeFileSync(join(dir, 'b.yaml'), 'kind: Cluster\n');
      expect(() => readResources(dir)).toThrow(/b\.yaml, document 0/);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('prefers flags to the environment and the environment to the profile, and never sends a token to another server', () => {
    const dir = mkdtempSync(join(tmpdir(), 'plumb-'));
    try {
      const environment = { PLUMBLINE_PROFILE: join(dir, 'profile.json'), PLUMBLINE_DATA_DIR: dir };
      writeProfile(environment, { server: 'https://a.example.com', token: 'secret' });
      expect(resolveProfile(environment, {})).toEqual({ server: 'https://a.example.com', token: 'secret' });
      expect(resolveProfile(environment, { server: 'https://b.example.com' })).toEqual({
        server: 'https://b.example.com',
      });
      expect(
        resolveProfile({ ...environment, PLUMBLINE_SERVER: 'https://c.example.com', PLUMBLINE_TOKEN: 't' }, {}),
      ).toEqual({ server: 'https://c.example.com', token: 't' });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('makes key files for their owner only, and never over old ones', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'plumb-'));
    try {
      const { code, text } = await run('keygen', '--dir', dir);
      expect(code).toBe(0);
      for (const name of [
        'seal.key',
        'release.key',
        'release.pub',
        'log.key',
        'log.pub',
        'services.key',
        'services.pub',
        'gateway.credential',
        'applier.credential',
        'ca.crt',
        'ca.key',
        'log.crt',
        'log.crt.key',
      ]) {
        expect(text).toContain(name);
        expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
      }
      expect((await run('keygen', '--dir', dir)).code).toBe(ExitCode.refused);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('understands kinds as people write them, and selectors', () => {
    expect(['apps', 'Application', 'repos', 'repositories', 'clusters', 'approvals'].map(singularKind)).toEqual([
      'application',
      'application',
      'repository',
      'repository',
      'cluster',
      'approval',
    ]);
    expect(parseSelector('a=b,c=d')).toEqual({ a: 'b', c: 'd' });
    expect(() => parseSelector('a')).toThrow(CommandError);
  });
});
