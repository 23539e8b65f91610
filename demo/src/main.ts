// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { messageOf } from '@plumbline/core';
import { type DemoClusters, demoResources, startClusters } from './clusters.js';
import { type DemoOptions, demoOptions } from './options.config.js';
import { SampleRepository } from './sample-repository.js';
import { type DemoServer, startServer } from './server.js';
import { playStory } from './story.js';

const say = (text: string): void => void process.stdout.write(`\n${text}\n`);

async function demo(args: readonly string[]): Promise<number> {
  const options = demoOptions(args);
  const startedMs = Date.now();
  say(
    `Plumbline demo: a sample repository, two environments, ${options.context === undefined ? 'two simulated clusters' : `the cluster of context "${options.context}"`}. Data: ${options.dataDir}`,
  );
  const stack = new AsyncDisposableStack();
  try {
    const repository = await SampleRepository.create(join(options.dataDir, 'sample'));
    const clusters = stack.adopt(await startClusters(options), async (started) => started.stop());
    const { staging, production } = clusters;
    const server = stack.adopt(await startServer(options.dataDir), async (started) => started.stop());
    process.once('SIGINT', () => void server.stop());
    process.once('SIGTERM', () => void server.stop());
    await server.client.apply({ resources: demoResources(repository.url, [staging, production]) });
    await playStory({ server, repository, staging, production, say });
    say(`The demo took ${Math.round((Date.now() - startedMs) / 1000)} s.`);
    if (!options.exit) {
      say(nextSteps(options, server, clusters));
      await server.ended;
    }
    return 0;
  } catch (error) {
    process.stderr.write(
      `\nThe demo failed: ${messageOf(error)}\nThe log of the server: ${join(options.dataDir, 'server.log')}\n`,
    );
    return 1;
  } finally {
    await stack.disposeAsync();
  }
}

function nextSteps({ dataDir }: DemoOptions, server: DemoServer, { production }: DemoClusters): string {
  const { path, context } = production.kubeconfig;
  return [
    'The server runs until you press Ctrl-C. In another terminal:',
    '',
    `  export PLUMBLINE_SERVER=${server.url} PLUMBLINE_TOKEN=$(cat ${join(dataDir, 'admin.token')})`,
    '  npx plumb status web',
    '  npx plumb events --follow',
    '',
    `The sample repository to commit to: ${join(dataDir, 'sample', 'shop')} (push to origin main)`,
    `The clusters: kubectl --kubeconfig ${path}${context === undefined ? '' : ` --context ${context}`} -n shop-production get deployments`,
    `The API: ${server.url}/docs`,
  ].join('\n');
}

process.exitCode = await demo(process.argv.slice(2));
