import { it } from 'vitest';
import { startTopology } from '../topology/topology.js';
import { startGit } from '@plumbline/testkit';
import { repositoryResource, clusterResource, applicationResource, sampleFiles } from '../topology/samples.js';
it('starts', async () => {
  const shape = process.env['SHAPE'] === 'standalone' ? 'standalone' as const : 'distributed' as const;
  const t0 = performance.now();
  await using git = await startGit();
  await using t = await startTopology({ shape });
  console.log('up after', performance.now() - t0, await t.client.whoAmI(), await t.client.version());
  const r = await git.createRepository('shop');
  await r.commit({ files: sampleFiles('deploy', 'web') });
  await t.client.apply({ resources: [repositoryResource('shop', r.url), clusterResource('east', 'staging', { simulated: {} }), applicationResource('web', { repository: 'shop', path: 'deploy', namespace: 'web' })] });
  await t.book.first('RevisionObserved', undefined, { timeoutMs: 1000 }).catch((e) => console.log(String(e)));
  await t.book.first('SyncCompleted', undefined, { timeoutMs: 1000 }).catch((e) => console.log(String(e)));
  await t.book.first('HealthChanged', ({ data }) => data.health === 'Healthy', { timeoutMs: 1000 }).catch((e) => console.log(String(e)));
  console.log(t.book.tail());
  for (const s of t.services) console.log('=== ' + s.name + '\n' + s.output.slice(-3000));
});
