// SPDX-License-Identifier: Apache-2.0
// `npm run demo`: builds what is not built yet, then plays the demo.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const env = { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` };
const run = (command, args) => spawnSync(command, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;

process.stdout.write('Building…\n');
const built = spawnSync('nx', ['run-many', '-t', 'build'], { cwd: root, env, encoding: 'utf8' });
if (built.status !== 0) {
  process.stderr.write(
    built.error === undefined
      ? `${built.stdout}${built.stderr}`
      : `The build could not be started (${built.error.message}): run npm ci first.\n`,
  );
  process.exit(1);
}
process.exit(run('node', ['cli/bin/plumb.js', 'demo', ...process.argv.slice(2)]));
