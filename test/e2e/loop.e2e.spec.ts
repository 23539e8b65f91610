// SPDX-License-Identifier: Apache-2.0
import { availability } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterKind, type TestEnvironment, startTestEnvironment } from './fixture/test-environment.js';
import { Shape } from './fixture/topology.js';
import { changeStories } from './stories/change.stories.js';
import { decisionStories } from './stories/decision.stories.js';
import { logStories } from './stories/log.stories.js';
import { pointInTimeStories } from './stories/point-in-time.stories.js';
import { plumbStories } from './stories/plumb.stories.js';
import { restartStories } from './stories/restart.stories.js';
import { reconciliationStories } from './stories/reconciliation.stories.js';

const NEEDS = { simulated: [], real: ['live-cluster'] } as const;
const SHAPE_NEEDS = {
  standalone: ['postgres:embedded18', 'git'],
  distributed: ['postgres:embedded18', 'git', 'nats:newest'],
} as const;

for (const shape of Shape) {
  for (const clusters of ClusterKind) {
    describeWith(
      [...SHAPE_NEEDS[shape], ...NEEDS[clusters]],
      `the closed loop, ${shape} shape, ${clusters} clusters`,
      () => {
        let running: TestEnvironment | undefined;
        const fixture = (): TestEnvironment => {
          if (running === undefined) throw new Error('the test environment is not running');
          return running;
        };
        beforeAll(async () => {
          // Both ends of what is supported are seen: the oldest nats-server with simulated clusters, the newest with
          // the real one.
          const oldest = clusters === 'simulated' && availability('nats:oldest').available;
          running = await startTestEnvironment({
            shape,
            clusters,
            personalKey: true,
            nats: oldest ? 'oldest' : 'newest',
          });
        });
        afterAll(async () => running?.[Symbol.asyncDispose]());

        changeStories(fixture);
        decisionStories(fixture);
        reconciliationStories(fixture);
        plumbStories(fixture);
        pointInTimeStories(fixture);
        logStories(fixture);
        restartStories(fixture);

        it('all of that needed nobody: no process logged an error, and positions have no gap', () => {
          const {
            topology: { services, observer },
          } = fixture();
          for (const { name, output } of services)
            expect(
              output.split('\n').filter((line) => line.includes('"level":"error"')),
              name,
            ).toEqual([]);
          expect(observer.events.map(({ position }) => position)).toEqual(observer.events.map((_, index) => index));
        });
      },
    );
  }
}
