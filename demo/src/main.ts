// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { messageOf } from '@plumbline/core';
import { demoClusters, demoResources } from './clusters.js';
import { demoOptions } from './options.config.js';
import { SampleRepository } from './sample-repository.js';
import { startServer } from './server.js';
import { playStory } from './story.js';

const say = (text: string): void => void process.stdout.write(`\n${text}\n`);

async function demo(args: readonly string[]): Promise<number> {
  const options = demoOptions(args);
  const startedMs = Date.now();
  const [staging, production] = demoClusters(options);
  say(
    `Plumbline demo: a sample repository, two environments, ${options.context === undefined ? 'two simulated clusters' : `the cluster of context "${options.context}"`}. Data: ${options.dataDir}`,
  );
  const repository = await SampleRepository.create(join(options.dataDir, 'sample'));
  const server = await startServer(options.dataDir);
  process.once('SIGINT', () => void server.stop());
  process.once('SIGTERM', () => void server.stop());
  try {
    await server.client.apply({ resources: demoResources(repository.url, [staging, production]) });
    await playStory({ server, repository, staging, production, say });
    say(`The story took ${Math.round((Date.now() - startedMs) / 1000)} s.`);
    if (!options.exit) {
      say(
        `The server stays up until you press Ctrl-C. In another terminal:\n\n  export PLUMBLINE_SERVER=${server.url} PLUMBLINE_TOKEN=$(cat ${join(options.dataDir, 'admin.token')})\n  npx plumb status web\n  npx plumb events --follow\n\nThe sample repository to commit to: ${join(options.dataDir, 'sample', 'shop')} (push to origin main)\nThe clusters: kubectl --kubeconfig ${production.kubeconfig.path}${production.kubeconfig.context === undefined ? '' : ` --context ${production.kubeconfig.context}`} -n shop-production get deployments\nThe API: ${server.url}/docs`,
      );
      await server.ended;
    }
    return 0;
  } catch (error) {
    process.stderr.write(
      `\nThe demo failed: ${messageOf(error)}\nThe server's log: ${join(options.dataDir, 'server.log')}\n`,
    );
    return 1;
  } finally {
    await server.stop();
  }
}

process.exitCode = await demo(process.argv.slice(2));
