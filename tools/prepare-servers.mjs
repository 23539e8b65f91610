// SPDX-License-Identifier: Apache-2.0
// Puts the real servers that the tests start into a cache outside the checkout.
//
//   node tools/prepare-servers.mjs [--require=all] [--only=etcd,kube-apiserver]
//   node tools/prepare-servers.mjs --locate     # JSON of what is there; changes nothing
//
// Order per binary: KUBEBUILDER_ASSETS, the cache, the official envtest download, a build by Go.
import path from 'node:path';
import { ENVTEST_BINARIES, MODULES, buildDir, cacheDir, inventory, locate } from './servers/catalogue.mjs';
import { downloadEnvtest } from './servers/envtest.mjs';
import { build, findGo } from './servers/go.mjs';
import { withLock } from './servers/lock.mjs';

const log = (line) => process.stderr.write(`servers: ${line}\n`);

function parseArguments(argv) {
  const options = { locate: false, requireAll: process.env.PLUMBLINE_TEST_REQUIRE === 'all', only: undefined };
  for (const argument of argv) {
    if (argument === '--locate') options.locate = true;
    else if (argument === '--require=all') options.requireAll = true;
    else if (argument.startsWith('--only=')) options.only = new Set(argument.slice('--only='.length).split(','));
    else throw new Error(`unknown argument ${argument}; known are --require=all, --only=NAME[,NAME], --locate`);
  }
  return options;
}

const wanted = (only) =>
  MODULES.flatMap((module) => module.binaries.map((binary) => ({ module, binary }))).filter(
    ({ binary }) => !only || only.has(binary.name),
  );

const missing = (only) => wanted(only).filter(({ module, binary }) => !locate(module, binary));

async function download(only, reasons) {
  const here = missing(only).filter(({ binary }) => ENVTEST_BINARIES.includes(binary.name));
  // The archive is all or nothing; with a build at hand for one of the two it would only mix versions.
  if (here.length < ENVTEST_BINARIES.length) return;
  try {
    await downloadEnvtest(log);
  } catch (error) {
    log(`envtest download not possible: ${error.message}`);
    for (const { binary } of here) reasons.set(binary.name, [`download: ${error.message}`]);
  }
}

async function buildMissing(only, reasons) {
  const todo = missing(only);
  if (todo.length === 0) return;
  const because = (binary, reason) =>
    reasons.set(binary.name, [...(reasons.get(binary.name) ?? []), `build: ${reason}`]);
  let toolchain;
  try {
    toolchain = await findGo(log);
  } catch (error) {
    for (const { binary } of todo) because(binary, error.message);
    return;
  }
  for (const { module, binary } of todo) {
    try {
      await build(toolchain, module, binary, log);
    } catch (error) {
      log(`could not build ${binary.name}: ${error.message}`);
      because(binary, error.message);
    }
  }
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  if (options.locate) {
    process.stdout.write(`${JSON.stringify(inventory())}\n`);
    return;
  }
  const reasons = new Map();
  if (missing(options.only).length > 0) {
    await withLock(
      path.join(cacheDir(), 'servers.lock'),
      async () => {
        await download(options.only, reasons);
        await buildMissing(options.only, reasons);
      },
      log,
    );
  }
  for (const { module, binary } of wanted(options.only)) {
    const found = locate(module, binary);
    if (found) log(`${binary.name} from ${found.origin}: ${found.path}`);
    else log(`MISSING ${binary.name}: ${(reasons.get(binary.name) ?? ['unknown']).join('; ')}`);
  }
  const left = missing(options.only);
  if (left.length === 0) return;
  log(
    `${left.length} of ${wanted(options.only).length} servers could not be prepared; the tests that need them are ${options.requireAll ? 'required, so this is a failure' : 'skipped'}`,
  );
  log(
    `they would be looked for in ${left
      .map(({ module }) => buildDir(module))
      .filter((dir, i, all) => all.indexOf(dir) === i)
      .join(', ')}`,
  );
  if (options.requireAll) process.exitCode = 1;
}

await main().catch((error) => {
  log(error.message);
  process.exitCode = 1;
});
