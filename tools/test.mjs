// SPDX-License-Identifier: Apache-2.0
// `npm test`: every check of the repository, in one run, without a question.
//
//   node tools/test.mjs              # all stages
//   node tools/test.mjs unit int     # only these
//
// Real servers are prepared first; what cannot be had is said, skipped and counted, or, with
// PLUMBLINE_TEST_REQUIRE=all, is a failure. The last line is `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = path.join(root, 'node_modules', '.bin');
// Node 24 and every tool come from the lock file, whatever the machine has.
const env = {
  ...process.env,
  PATH: `${bin}${path.delimiter}${process.env.PATH}`,
  NX_DAEMON: 'false',
  FORCE_COLOR: process.env.FORCE_COLOR ?? '0',
};
const reports = mkdtempSync(path.join(tmpdir(), 'plumbline-test-'));

const STAGE_LIMIT_MS = 30 * 60_000;

let current;

function stopCurrent(signal) {
  if (current === undefined) return;
  try {
    process.kill(-current.pid, signal);
  } catch {
    // It has ended on its own.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    stopCurrent(signal);
    rmSync(reports, { recursive: true, force: true });
    process.exit(1);
  });
}

/** Runs a stage in a process group of its own, so that a stage that hangs can be ended with all it started. */
function run(command, args, extraEnv = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...env, ...extraEnv },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    current = child;
    const timer = setTimeout(() => {
      process.stderr.write(
        `${command} ${args.join(' ')} has not ended within ${STAGE_LIMIT_MS / 60_000} minutes, stopping it\n`,
      );
      stopCurrent('SIGKILL');
    }, STAGE_LIMIT_MS);
    const done = (ok, detail) => {
      clearTimeout(timer);
      current = undefined;
      resolve({ ok, detail });
    };
    child.once('error', (error) => done(false, error.message));
    child.once('close', (code, signal) => done(code === 0, signal ?? `exit code ${code}`));
  });
}

/** A stage without tests of its own counts as one. */
async function check(command, args) {
  const { ok, detail } = await run(command, args);
  return ok ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0, problems: [detail] };
}

function reasonOf(test) {
  const marked = test.ancestorTitles
    .map((title) => /\[skipped: (.*)\]$/.exec(title)?.[1])
    .find((reason) => reason !== undefined);
  return marked ?? `skipped in its spec: ${test.fullName}`;
}

function readVitestReport(file) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const tests = report.testResults.flatMap((result) =>
    result.assertionResults.map((test) => ({ ...test, file: path.relative(root, result.name) })),
  );
  // A file that cannot even be loaded has no tests that could fail.
  const unloadable = report.testResults.filter(
    (result) => result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
  );
  const failed = tests.filter((test) => test.status === 'failed');
  const passed = tests.filter((test) => test.status === 'passed');
  const skipped = tests.filter((test) => test.status !== 'failed' && test.status !== 'passed');
  return {
    passed: passed.length,
    failed: failed.length + unloadable.length,
    skipped: skipped.length,
    problems: [
      ...failed.map((test) => `${test.file}: ${test.fullName}`),
      ...unloadable.map((result) => `${path.relative(root, result.name)}: ${(result.message ?? '').split('\n')[0]}`),
    ],
    reasons: skipped.map(reasonOf),
  };
}

async function vitest(project) {
  const file = path.join(reports, `${project}.json`);
  const { ok, detail } = await run('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]);
  let counts;
  try {
    counts = readVitestReport(file);
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, problems: [`${project}: no report (${detail}): ${error.message}`] };
  }
  // Vitest also fails for errors that belong to no test.
  if (!ok && counts.failed === 0)
    return { ...counts, failed: 1, problems: [`${project}: ${detail} although no test failed; see its output above`] };
  return counts;
}

async function toolSpecs() {
  const dir = path.join(root, 'tools', 'servers');
  const files = readdirSync(dir)
    .filter((name) => name.endsWith('.test.mjs'))
    .map((name) => path.join(dir, name));
  const report = path.join(reports, 'tools.tap');
  const { ok } = await run('node', [
    '--test',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${report}`,
    ...files,
  ]);
  const tap = readFileSync(report, 'utf8');
  const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  return {
    passed: count('pass'),
    failed: ok ? 0 : Math.max(failed, 1),
    skipped: count('skipped'),
    problems: ok ? [] : ['specs of tools/'],
  };
}

const stages = [
  ['servers', () => check('node', ['tools/prepare-servers.mjs'])],
  ['build', () => check('nx', ['run-many', '-t', 'build'])],
  ['codegen', () => check('node', ['tools/codegen.mjs', '--check'])],
  ['format', () => check('npm', ['run', '--silent', 'format:check'])],
  ['lint', () => check('npm', ['run', '--silent', 'lint'])],
  ['typecheck', () => check('npm', ['run', '--silent', 'typecheck'])],
  ['tools', toolSpecs],
  ['unit', () => vitest('unit')],
  ['int', () => vitest('int')],
  ['e2e', () => vitest('e2e')],
];

function selectStages(names) {
  const unknown = names.filter((name) => !stages.some(([stage]) => stage === name));
  if (unknown.length > 0)
    throw new Error(`unknown stage ${unknown.join(', ')}; known are ${stages.map(([stage]) => stage).join(', ')}`);
  return stages.filter(([stage]) => names.length === 0 || names.includes(stage));
}

function printSummary(results) {
  const lines = ['', 'stage        passed  failed  skipped  seconds'];
  for (const { stage, passed, failed, skipped, seconds } of results) {
    lines.push(
      `${stage.padEnd(12)} ${String(passed).padStart(6)}  ${String(failed).padStart(6)}  ${String(skipped).padStart(7)}  ${String(seconds).padStart(7)}`,
    );
  }
  const reasons = new Map();
  for (const reason of results.flatMap((result) => result.reasons ?? []))
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  if (reasons.size > 0)
    lines.push('', 'SKIPPED because:', ...[...reasons].map(([reason, count]) => `  ${count} × ${reason}`));
  const problems = results.flatMap(({ stage, problems: list }) =>
    (list ?? []).map((problem) => `  ${stage}: ${problem}`),
  );
  if (problems.length > 0) lines.push('', 'FAILED:', ...problems);
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

async function main() {
  const results = [];
  for (const [stage, execute] of selectStages(process.argv.slice(2))) {
    process.stdout.write(`\n=== ${stage}\n`);
    const startedMs = Date.now();
    const result = await execute();
    results.push({ stage, ...result, seconds: Math.round((Date.now() - startedMs) / 1_000) });
  }
  printSummary(results);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const line = `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`;
  if (process.env.PLUMBLINE_TEST_SUMMARY) writeFileSync(process.env.PLUMBLINE_TEST_SUMMARY, `${line}\n`);
  process.stdout.write(`${line}\n`);
  process.exitCode = sum('failed') === 0 ? 0 : 1;
}

try {
  await main();
} finally {
  rmSync(reports, { recursive: true, force: true });
}
