// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ago, paintState, plain, Progress, table, type Terminal } from './terminal.js';

function fakeTerminal(options: Partial<Terminal> = {}): Terminal & { readonly written: string[] } {
  const written: string[] = [];
  return {
    out: (text) => written.push(text),
    err: (text) => written.push(text),
    colours: false,
    interactive: false,
    width: 80,
    written,
    ...options,
  };
}

describe('terminal output', () => {
  it('never lets text from outside steer the terminal, and keeps our own colours', () => {
    expect(plain('a\u001b[2Jb\u0007c')).toBe('a [2Jb c');
    expect(plain(paintState(fakeTerminal({ colours: true }), 'Synced'))).toBe('\u001b[32mSynced\u001b[0m');
  });

  it('aligns columns whether or not cells are coloured', () => {
    const rows = [
      ['web', 'Synced', 'x'],
      ['longer', 'Failed', 'y'],
    ];
    const header = ['NAME', 'SYNC', 'Z'];
    const coloured = table(fakeTerminal({ colours: true }), header, rows).replaceAll(/\u001b\[\d+m/g, '');
    expect(coloured).toBe(table(fakeTerminal(), header, rows));
    expect(table(fakeTerminal(), header, rows)).toBe('NAME    SYNC    Z\nweb     Synced  x\nlonger  Failed  y\n');
  });

  it('draws progress over itself on a terminal only', () => {
    const terminal = fakeTerminal();
    const progress = new Progress(terminal);
    progress.update('one');
    progress.update('one');
    progress.update('two');
    progress.done();
    expect(terminal.written).toEqual(['one\n', 'two\n']);
  });

  it('tells ages in two units', () => {
    const nowMs = Date.parse('2026-01-02T01:01:01Z');
    expect(ago('2026-01-01T00:00:00Z', nowMs)).toBe('1d1h');
    expect(ago('2026-01-02T01:00:00Z', nowMs)).toBe('1m1s');
  });
});
