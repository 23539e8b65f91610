// SPDX-License-Identifier: Apache-2.0
// Writes the generated sources again: `npm run codegen`. With --check it fails when they differ from what is committed.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const bin = path.join(root, 'node_modules', '.bin');
const proto = path.join(root, 'proto');
const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };
const run = (command, args, cwd = root) => execFileSync(command, args, { cwd, env, stdio: 'inherit' });

run(path.join(bin, 'buf'), ['lint'], proto);
// One template per output: buf.gen.<what>.yaml.
const templates = readdirSync(proto).filter((file) => /^buf\.gen\..*yaml$/.test(file));
for (const template of templates) run(path.join(bin, 'buf'), ['generate', '--template', template], proto);

// The reference pages are made from the built code.
run(path.join(bin, 'nx'), ['run-many', '-t', 'build', '--output-style=static']);
run(process.execPath, [path.join(root, 'tools', 'reference-docs.mjs')]);

if (process.argv.includes('--check')) {
  if (!existsSync(path.join(root, '.git'))) throw new Error('--check needs a Git checkout');
  run('git', ['diff', '--exit-code', '--stat', '--', '*/generated/*', 'docs/reference/*']);
}
