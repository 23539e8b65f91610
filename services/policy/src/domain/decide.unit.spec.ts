// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { answerSubmission } from './approvals.js';
import { decideApplication, type Decision } from './decide.js';
import { digestOf, History } from './history.fixture.js';
import { answerRollback } from './rollback.js';

const PASS: Verdict = { check: 'x', result: 'Pass', message: '' };
const DENY: Verdict = { check: 'forbidden-kinds', result: 'Deny', message: 'no' };

async function due(history: History, verdicts: readonly Verdict[] = [PASS]): Promise<readonly Decision[]> {
  const application = history.state.views.get('application', 'default/web');
  return application === undefined ? [] : decideApplication(history.state.views, application, async () => verdicts);
}

function names(decisions: readonly Decision[]): string[] {
  return decisions.map((decision) =>
    decision.type === 'event'
      ? `${decision.event.type}@${decision.version}`
      : `release ${decision.draft.kind} ${decision.draft.version.environment}@${decision.draft.version.version} to ${decision.draft.clusters.join()}`,
  );
}

function submit(
  history: History,
  actor: string,
  digest = digestOf(1),
  verdict: 'Approve' | 'Reject' = 'Approve',
): Decision[] {
  const event = history.add(
    'ApprovalSubmitted',
    { application: 'default/web', environment: 'production', version: 1, verdict, renderDigest: digest },
    { actor },
  );
  if (event.type !== 'ApprovalSubmitted') throw new Error('unexpected');
  return [...answerSubmission(history.state.views, event).decisions];
}

describe('decisions on a version', () => {
  it('evaluates and releases at once when no rule objects', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    expect(names(await due(history))).toEqual(['PolicyEvaluated@1', 'release Automatic staging@1 to east']);
  });

  it('blocks a version that a check denies, and says nothing twice', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    expect(names(await due(history, [DENY]))).toEqual(['PolicyEvaluated@1', 'VersionBlocked@1']);
    history.add('VersionBlocked', {
      application: 'default/web',
      environment: 'staging',
      version: 1,
      reason: 'PolicyDenied',
      message: 'no',
    });
    expect(await due(history, [DENY])).toEqual([]);
    expect(names(await due(history, [PASS]))).toEqual(['PolicyEvaluated@1', 'release Automatic staging@1 to east']);
  });

  it('keeps production waiting until staging is Synced and Healthy at the version', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    history.released('staging', 1);
    history.rendered('production', 1);
    const [, wait] = await due(history);
    expect(wait).toMatchObject({ event: { type: 'VersionWaiting', data: { reason: 'AfterEnvironment' } } });
    if (wait?.type === 'event' && wait.event.type === 'VersionWaiting') history.add('VersionWaiting', wait.event.data);
    expect(await due(history)).toEqual([]);
    history.synced('staging', 'east', 1, 'Degraded');
    expect(await due(history), 'waits for the same as before').toEqual([]);
    history.synced('staging', 'east', 1);
    expect(names(await due(history))).toEqual(['release Automatic production@1 to west']);
  });

  it('does not pass an environment that failed to render the revision', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    history.released('staging', 1);
    history.synced('staging', 'east', 1);
    history.rendered('production', 2);
    history.add('RenderFailed', {
      application: 'default/web',
      environment: 'staging',
      revision: '2'.repeat(40),
      reason: 'Invalid',
      message: 'bad',
    });
    expect(names(await due(history))).toEqual(['PolicyEvaluated@2', 'VersionWaiting@2']);
  });

  it('supersedes older versions that still wait', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    history.rendered('staging', 2);
    expect(names(await due(history))).toEqual([
      'VersionSuperseded@1',
      'PolicyEvaluated@2',
      'release Automatic staging@2 to east',
    ]);
  });

  it('releases the same version again when a cluster joins', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    history.released('staging', 1);
    history.add('ClusterDeclared', { name: 'south', labels: { tier: 'staging' }, spec: { simulated: {} } });
    expect(names(await due(history))).toEqual(['release Automatic staging@1 to east,south']);
    history.released('staging', 1, { clusters: ['east', 'south'], generation: 2 });
    expect(await due(history)).toEqual([]);
  });

  it('holds after a rollback until a newer commit', async () => {
    const history = new History().web();
    history.rendered('staging', 1);
    history.released('staging', 1);
    history.rendered('staging', 2);
    history.released('staging', 1, { kind: 'Rollback', generation: 2 });
    expect(names(await due(history))).toEqual(['PolicyEvaluated@2', 'VersionWaiting@2']);
    history.rendered('staging', 3);
    expect(names(await due(history))).toContain('release Automatic staging@3 to east');
  });
});

describe('approvals', () => {
  function waitingForOne(required = 1): History {
    const history = new History().web(required);
    history.add('TokenIssued', {
      id: 't-dev',
      name: 'dev',
      role: 'operator',
      hash: digestOf(9),
      emails: ['dev@example.com'],
    });
    history.rendered('production', 1);
    history.add('ApprovalRequested', {
      application: 'default/web',
      environment: 'production',
      version: 1,
      renderDigest: digestOf(1),
      required,
      excluded: ['dev@example.com'],
    });
    return history;
  }

  it('releases with the last approval that is needed', () => {
    const history = waitingForOne(2);
    const first = submit(history, 't-anna');
    expect(names(first)).toEqual(['ApprovalGranted@1']);
    history.add('ApprovalGranted', {
      application: 'default/web',
      environment: 'production',
      version: 1,
      renderDigest: digestOf(1),
      approver: 't-anna',
      approverName: 'anna',
      granted: 1,
      required: 2,
    });
    expect(submit(history, 't-anna')).toMatchObject([
      { event: { type: 'ApprovalRefused', data: { reason: 'AlreadyApproved' } } },
    ]);
    expect(names(submit(history, 't-ben'))).toEqual(['ApprovalGranted@1', 'release Approved production@1 to west']);
  });

  it('does not count the author of a commit in the version', () => {
    expect(submit(waitingForOne(), 't-dev')).toMatchObject([
      { event: { type: 'ApprovalRefused', data: { reason: 'IsAuthor' } } },
    ]);
  });

  it('refuses an approval of other bytes', () => {
    expect(submit(waitingForOne(), 't-anna', digestOf(2))).toMatchObject([
      { event: { type: 'ApprovalRefused', data: { reason: 'DigestChanged' } } },
    ]);
  });

  it('lets anybody reject, and refuses approvals afterwards', () => {
    const history = waitingForOne();
    expect(names(submit(history, 't-dev', digestOf(1), 'Reject'))).toEqual(['VersionRejected@1']);
    history.add('VersionRejected', { application: 'default/web', environment: 'production', version: 1, by: 't-dev' });
    expect(submit(history, 't-anna')).toMatchObject([
      { event: { type: 'ApprovalRefused', data: { reason: 'NotWaiting' } } },
    ]);
  });

  it('asks again when the environment grows after the approval', async () => {
    const history = waitingForOne();
    history.released('production', 1, { cluster: 'west' });
    history.add('ClusterDeclared', { name: 'north', labels: { tier: 'production' }, spec: { simulated: {} } });
    expect(names(await due(history))).toEqual(['ApprovalRequested@1']);
  });
});

describe('rollback', () => {
  function request(history: History, toVersion: number, environment?: string): ReturnType<typeof answerRollback> {
    const event = history.add('RollbackRequested', {
      application: 'default/web',
      toVersion,
      ...(environment === undefined ? {} : { environment }),
    });
    if (event.type !== 'RollbackRequested') throw new Error('unexpected');
    return answerRollback(history.state.views, event);
  }

  function twoVersions(): History {
    const history = new History().web();
    for (const version of [1, 2]) {
      history.rendered('staging', version);
      history.released('staging', version);
    }
    return history;
  }

  it('is a new release of a stored version', () => {
    expect(request(twoVersions(), 1)).toMatchObject({
      type: 'release',
      drafts: [{ kind: 'Rollback', generation: 3, version: { version: 1 } }],
    });
  });

  it('refuses a version that the environment never ran', () => {
    const history = twoVersions();
    history.rendered('production', 1);
    expect(request(history, 1, 'production')).toMatchObject({ type: 'refuse', reason: 'NeverReleased' });
  });

  it('says so when everything runs the version already', () => {
    expect(request(twoVersions(), 2)).toMatchObject({ type: 'refuse', reason: 'NothingToDo' });
  });
});
