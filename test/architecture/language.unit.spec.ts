// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { root, textOf } from './workspace.js';

/** Words that the glossary replaces, in comments, strings, documents and identifiers. */
const RETIRED: readonly { readonly name: string; readonly pattern: RegExp; readonly use: string }[] = [
  { name: 'whoever', pattern: /\bwhoever\b/gi, use: 'the actor' },
  { name: 'nobody', pattern: /\bnobody\b/gi, use: 'the actor, or "no process", "no user"' },
  { name: 'somebody', pattern: /\bsome(body|one)\b/gi, use: 'the actor' },
  { name: 'anew', pattern: /\banew\b/gi, use: 'again' },
  { name: 'for ever', pattern: /\bfor ever\b/gi, use: 'permanently, without end' },
  { name: 'so many', pattern: /\bso many\b/gi, use: 'the number' },
  { name: 'told', pattern: /\b(un)?told\b/gi, use: 'reported, notified' },
  { name: 'believe', pattern: /\bbelie(ve[sd]?|f)\b/gi, use: 'expected, cached' },
  { name: 'at hand', pattern: /\bat hand\b/gi, use: 'available' },
  { name: 'in hand', pattern: /\bin hand\b/gi, use: 'in progress' },
  { name: 'mend', pattern: /\bmend(s|ed|ing)?\b/gi, use: 'fix, correct' },
  { name: 'beside', pattern: /\bbesides?\b/gi, use: 'alongside, in addition' },
  { name: 'trouble', pattern: /\btroubles?\b/gi, use: 'error' },
  { name: 'without a word', pattern: /\bwithout a word\b/gi, use: 'silently' },
  { name: 'by hand of', pattern: /\bby hand of\b/gi, use: 'manually' },
  { name: 'door', pattern: /\bdoors?\b/gi, use: 'gRPC endpoint, subscription' },
  { name: 'moment', pattern: /\bmoments?\b/gi, use: 'time, asOf' },
  { name: 'parked', pattern: /\bpark(s|ed|ing)?\b/gi, use: 'quarantined; dead-lettered for deliveries' },
  { name: 'upkeep', pattern: /\bupkeep\b/gi, use: 'log administration' },
  { name: 'apart', pattern: /\bapart\b/gi, use: 'worker process; except; separate' },
  { name: 'surroundings', pattern: /\bsurroundings?\b/gi, use: 'environment variables' },
  { name: 'patiently', pattern: /\bpatient(ly)?\b/gi, use: 'with retries' },
  { name: 'tolerance', pattern: /\btoleran(ce|t|tly)\b/gi, use: 'lenient' },
  { name: 'kick', pattern: /\b(kick|nudge|stir)(s|ed|d)?\b/gi, use: 'wake, enqueue' },
  { name: 'let go', pattern: /\b(let|lets|letting) go\b/gi, use: 'orphan, step down' },
  { name: 'book', pattern: /\bbooks?\b/gi, use: 'index, table' },
  { name: 'torture', pattern: /\b(torture|metronome)\b/gi, use: 'fault injection, load generator' },
  { name: 'bench', pattern: /\bbench\b/g, use: 'fixture' },
];

/** Public names of earlier versions, which stay readable: event types and what they were made of, paths and verbs. */
const KEPT_NAMES =
  /\b(WorkParked|WorkReleased|DeliveryParked)\b|test\/bench|\bbench\/|Bench\b|'bench'|log parked|log\/parked|`parked`|tolerations?|\bparked(?=: |\.length|\[0\]|\.filter)|'parked'|\.parked\b|Parked(Work|Delivery)\w*|parkedAt|StillParked|plumb log release|PLUMBLINE_\w*DOORS/g;

/** Folders and files that use none of these words. Everything else may use them as often as it does, and not more. */
const STRICT =
  /^(README\.md|CONTRIBUTING\.md|CHANGELOG\.md|cli\/|libs\/(core|events|read-models)\/|docs\/(adr|guides\/(log|time-travel|repositories|environments)))/;

/** How often the other files still use a word. These numbers only shrink. */
const LEFT: Readonly<Record<string, number>> = {
  whoever: 43,
  nobody: 96,
  somebody: 87,
  anew: 43,
  'for ever': 25,
  'so many': 29,
  told: 125,
  believe: 20,
  'at hand': 16,
  'in hand': 23,
  mend: 45,
  beside: 37,
  'without a word': 16,
  door: 119,
  moment: 193,
  parked: 253,
  upkeep: 102,
  apart: 43,
  surroundings: 25,
  tolerance: 16,
  kick: 50,
  'let go': 24,
  book: 67,
  bench: 1201,
};

const CHECKED =
  /^(libs|services|cli|console|docs|proto|simulated-cluster|witness|demo|test|tools|deploy)\/|^[A-Z]+\.md$/;
const SKIPPED =
  /docs\/reference\/|\/generated\/|\/testdata\/|(^|\/)package(-lock)?\.json$|glossary\.md$|language\.unit\.spec\.ts$|\.(png|svg|gz|zst|ico|bin|tgz|snap)$|tools\/kube-assets/;

const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 1 << 28,
})
  .split('\0')
  .filter((file) => CHECKED.test(file) && !SKIPPED.test(file));

/** Text with the words of identifiers apart, without the names that are kept. */
function words(file: string): string {
  let text: string;
  try {
    text = textOf(file);
  } catch {
    return '';
  }
  return text
    .replaceAll(KEPT_NAMES, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ');
}

interface Use {
  readonly file: string;
  readonly line: number;
  readonly word: string;
}

function usesOf(file: string): readonly Use[] {
  return words(file)
    .split('\n')
    .flatMap((text, index) =>
      RETIRED.flatMap(({ name, pattern }) =>
        [...text.matchAll(pattern)].map(() => ({ file, line: index + 1, word: name })),
      ),
    );
}

const uses = files.flatMap(usesOf);

describe('the language of code and documents', () => {
  it('is plain where it has been edited', () => {
    const found = uses.filter(({ file }) => STRICT.test(file));
    expect(found.map(({ file, line, word }) => `${file}:${line} ${word}`)).toEqual([]);
  });

  it.each(RETIRED.map(({ name, use }) => ({ name, use })))(
    'uses "$name" not more often than before',
    ({ name, use }) => {
      const found = uses.filter(({ file, word }) => word === name && !STRICT.test(file));
      const where = found.map(({ file, line }) => `${file}:${line}`).join('\n');
      expect(found.length, `write ${use} instead of "${name}":\n${where}`).toBeLessThanOrEqual(LEFT[name] ?? 0);
    },
  );
});
