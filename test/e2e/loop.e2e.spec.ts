// SPDX-License-Identifier: Apache-2.0
import { availability } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterKind, type Stage, startStage } from '../topology/stage.js';
import { Shape } from '../topology/topology.js';
import { changeStories } from './stories/change.stories.js';
import { decisionStories } from './stories/decision.stories.js';
import { logStories } from './stories/log.stories.js';
import { pastStories } from './stories/past.stories.js';
import { plumbStories } from './stories/plumb.stories.js';
import { restartStories } from './stories/restart.stories.js';
import { upkeepStories } from './stories/upkeep.stories.js';

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
        let running: Stage | undefined;
        const stage = (): Stage => {
          if (running === undefined) throw new Error('the stage is not up');
          return running;
        };
        beforeAll(async () => {
          // Both ends of what is supported are seen: the oldest nats-server with simulated clusters, the newest with the real one.
          const oldest = clusters === 'simulated' && availability('nats:oldest').available;
          running = await startStage({ shape, clusters, personalKey: true, nats: oldest ? 'oldest' : 'newest' });
        });
        afterAll(async () => running?.[Symbol.asyncDispose]());

        changeStories(stage);
        decisionStories(stage);
        upkeepStories(stage);
        plumbStories(stage);
        pastStories(stage);
        logStories(stage);
        restartStories(stage);

        it('all of that needed nobody: no process logged an error, and positions have no gap', () => {
          const {
            topology: { services, book },
          } = stage();
          for (const { name, output } of services)
            expect(
              output.split('\n').filter((line) => line.includes('"level":"error"')),
              name,
            ).toEqual([]);
          expect(book.events.map(({ position }) => position)).toEqual(book.events.map((_, index) => index));
        });
      },
    );
  }
}
