// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { waitUntil } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { applicationResource, sampleFiles } from './fixture/samples.js';
import { startTestEnvironment, type TestEnvironment } from './fixture/test-environment.js';
import { type CollectedSpan, TraceCollector } from './fixture/trace-collector.js';

const SECRET_VALUE = 'value-of-a-secret-that-no-trace-may-contain';
/** The work of one change, as `service: span`, in the order in which it begins. */
const WORK = [
  'gateway: webhook',
  'watcher: fetch',
  'renderer: render',
  'policy: evaluate',
  'applier: plan',
  'applier: apply',
  'applier: wait',
];

const secret = `apiVersion: v1\nkind: Secret\nmetadata: { name: traced }\nstringData: { password: ${SECRET_VALUE} }\n`;

/** Types of the documented metrics by name; an alias has the type of its metric. */
async function metricReference(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([^|]*) \| (counter|gauge|histogram) +\|/gm)];
  return new Map(
    rows.flatMap(([, names = '', type = '']) =>
      (names.match(/plumbline_\w+/g) ?? []).map((name) => [name, type] as const),
    ),
  );
}

describeWith(['postgres:embedded18', 'git', 'nats:newest'], 'telemetry in the distributed shape', () => {
  const stack = new AsyncDisposableStack();
  let environment: TestEnvironment;
  let collector: TraceCollector;

  beforeAll(async () => {
    collector = stack.use(await TraceCollector.start());
    const settings = { PLUMBLINE_OTLP_URL: collector.url };
    environment = stack.use(await startTestEnvironment({ shape: 'distributed', clusters: 'simulated', settings }));
  });
  afterAll(async () => stack.disposeAsync());

  it('a push makes one trace from the webhook to the healthy target', async () => {
    const { topology, repository, apply, healthy } = environment;
    const source = await repository('traced', { ...sampleFiles('deploy', 'traced'), 'deploy/secret.yaml': secret });
    await apply(applicationResource('traced', { repository: 'traced', path: 'deploy', namespace: 'traced' }));
    await healthy('traced', { version: 1 });
    // A new image and secret: the Deployment must roll out, so the target is healthy only some time after the sync.
    const commit = await source.commit({
      files: {
        ...sampleFiles('deploy', 'traced', { replicas: 3 }),
        'deploy/secret.yaml': secret.replace('traced', 'traced-2'),
      },
    });
    expect(await topology.webhook(source.url)).toBe(202);
    const { released } = await healthy('traced', { commit });

    const seen = await topology.observer.first('RevisionObserved', ({ data }) => data.revision === commit);
    expect(released?.correlationId).toBe(seen.correlationId);
    const [request] = topology.observer.ofType('RefreshRequested');
    expect(request?.correlationId).toBe(seen.correlationId);
    const traceId = seen.correlationId.replaceAll('-', '');
    const spans = () => collector.spans.filter((span) => span.traceId === traceId);
    const first = (step: string) =>
      spans()
        .filter(({ service, name }) => `${service}: ${name}` === step)
        .toSorted((one, other) => Number(one.start - other.start))[0];
    // Spans leave a process some seconds after their end.
    await expect.poll(() => WORK.filter((step) => first(step) === undefined)).toEqual([]);

    const steps = WORK.map((step) => first(step));
    const starts = steps.map((span) => span?.start ?? 0n);
    expect(starts).toEqual(starts.toSorted((one, other) => Number(one - other)));
    // The parent is derived from the correlation id, as the trace is: no service hands it on to the next.
    expect(steps.map((span) => span?.parentSpanId)).toEqual(WORK.map(() => traceId.slice(16)));
    const [webhook] = steps;
    const called = () => collector.spans.find(({ traceId: id }) => webhook?.linkedTraces.includes(id));
    await waitUntil('the span of the HTTP request', () => called() !== undefined);
    expect(called()?.name).toBe('POST /webhooks/:provider');
    // The log answers in the trace of the work that appends.
    const isAppend = ({ service, parentSpanId }: CollectedSpan) =>
      service === 'audit' && parentSpanId === webhook?.spanId;
    await waitUntil('the span of the append', () => spans().some(isAppend));
  });

  it('the reference lists each metric that a process exports, and names follow the conventions of Prometheus', async () => {
    const documented = await metricReference();
    for (const service of environment.topology.services) {
      const exported = [...(await service.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)]
        .map(([, name = '', type = '']) => [name, type] as const)
        .filter(([name]) => name !== 'target_info');
      expect(exported.length).toBeGreaterThan(3);
      for (const [name, type] of exported) {
        expect.soft(documented.get(name), `${service.name}: ${name}`).toBe(type);
        expect.soft(name.endsWith('_total'), name).toBe(type === 'counter');
        expect.soft(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|count|sum|bucket)(_total)?$/);
      }
    }
  });

  it('nothing that the processes sent to the collector contains the value of a secret or a token', async () => {
    const { topology } = environment;
    // With the processes stopped, every span has arrived.
    await Promise.all(topology.services.map(async (service) => service.stop()));
    expect(collector.text).toContain('plumbline.application');
    for (const value of [SECRET_VALUE, Buffer.from(SECRET_VALUE).toString('base64'), topology.token])
      expect(collector.text).not.toContain(value);
  });
});
