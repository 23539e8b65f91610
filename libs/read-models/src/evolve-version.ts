// SPDX-License-Identifier: Apache-2.0
import { nextCondition } from '@plumbline/core';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import type { ApprovalRecord, DecisionState, VersionView, ViewChange, ViewReader } from './documents.js';
import { versionKey } from './keys.js';

/** Versions, the decisions on them, and the versions that wait for approvals. */
export function evolveVersion(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'VersionRendered':
      return rendered(event);
    case 'PolicyEvaluated':
      return update(views, event.data, (before) => ({ ...before, verdicts: event.data.verdicts }));
    case 'ApprovalRequested': {
      const { required, excluded } = event.data;
      return update(views, event.data, (before) => ({
        ...decided(
          before,
          event,
          'WaitingApproval',
          'ApprovalRequired',
          `needs ${required} approval${required === 1 ? '' : 's'}`,
        ),
        approvals: { required, excluded, granted: [] },
      }));
    }
    case 'ApprovalGranted':
      return update(views, event.data, (before) => granted(before, event));
    case 'VersionRejected':
      return update(views, event.data, (before) =>
        decided(
          before,
          event,
          'Rejected',
          'Rejected',
          `rejected by ${event.actor.name}${event.data.comment === undefined ? '' : `: ${event.data.comment}`}`,
        ),
      );
    case 'VersionBlocked':
      return update(views, event.data, (before) =>
        decided(before, event, 'Blocked', event.data.reason, event.data.message),
      );
    case 'VersionWaiting':
      return update(views, event.data, (before) =>
        decided(before, event, 'Waiting', event.data.reason, event.data.message),
      );
    case 'VersionSuperseded':
      return update(views, event.data, (before) =>
        decided(before, event, 'Superseded', 'Superseded', `version ${event.data.by} came first`),
      );
    case 'VersionReleased':
      return update(views, event.data, (before) => released(before, event));
    case 'PlanComputed': {
      const { cluster, planDigest, partial, changes, guard } = event.data;
      const plan = { planDigest, partial, changes, at: event.recordedAt, ...(guard === undefined ? {} : { guard }) };
      return update(views, event.data, (before) => ({ ...before, plans: { ...before.plans, [cluster]: plan } }));
    }
    case 'PlanFailed': {
      const plan = { partial: true, error: `${event.data.reason}: ${event.data.message}`, at: event.recordedAt };
      return update(views, event.data, (before) => ({
        ...before,
        plans: { ...before.plans, [event.data.cluster]: plan },
      }));
    }
    default:
      return [];
  }
}

function rendered(event: EventOf<'VersionRendered'>): readonly ViewChange[] {
  const { namespace, ...data } = event.data;
  const document: VersionView = {
    ...data,
    ...(namespace === undefined ? {} : { namespace }),
    renderedAt: event.recordedAt,
    position: event.position,
    eventId: event.id,
    correlationId: event.correlationId,
    decision: { state: 'Pending', reason: 'Rendered', message: 'not decided yet', since: event.recordedAt },
    verdicts: [],
    releases: [],
    plans: {},
  };
  return [{ view: 'version', key: versionKey(data.application, data.version, data.environment), document }];
}

function decided(
  before: VersionView,
  event: PlumblineEvent,
  state: DecisionState,
  reason: string,
  message: string,
): VersionView {
  return { ...before, decision: nextCondition(before.decision, { state, reason, message, since: event.recordedAt }) };
}

function granted(before: VersionView, event: EventOf<'ApprovalGranted'>): VersionView {
  const { approver, approverName, comment, required } = event.data;
  const record: ApprovalRecord = {
    approver,
    approverName,
    at: event.recordedAt,
    eventId: event.id,
    ...(comment === undefined ? {} : { comment }),
  };
  const all = [...(before.approvals?.granted ?? []), record];
  return {
    ...decided(before, event, 'WaitingApproval', 'ApprovalRequired', `${all.length} of ${required} approvals`),
    approvals: { required, excluded: before.approvals?.excluded ?? [], granted: all },
  };
}

function released(before: VersionView, event: EventOf<'VersionReleased'>): VersionView {
  const { releaseId, generation, kind, reason, clusters } = event.data;
  const release = {
    releaseId,
    generation,
    kind,
    at: event.recordedAt,
    by: event.actor,
    clusters,
    ...(reason === undefined ? {} : { reason }),
  };
  return {
    ...decided(before, event, 'Released', kind, reason ?? `released (${kind.toLowerCase()})`),
    releases: [...before.releases, release],
  };
}

function update(
  views: ViewReader,
  at: { readonly application: string; readonly environment: string; readonly version: number },
  change: (before: VersionView) => VersionView,
): readonly ViewChange[] {
  const key = versionKey(at.application, at.version, at.environment);
  const before = views.get('version', key);
  if (before === undefined) return [];
  const after = change(before);
  const changes: ViewChange[] = [{ view: 'version', key, document: after }];
  if (after.decision.state === 'WaitingApproval' && after.approvals !== undefined) {
    const { application, environment, version, renderDigest, commit } = after;
    const requestedAt = after.decision.since;
    changes.push({
      view: 'approval',
      key,
      document: { application, environment, version, renderDigest, commit, requestedAt, ...after.approvals },
    });
  } else if (before.decision.state === 'WaitingApproval' && before.approvals !== undefined) {
    changes.push({ view: 'approval', key, document: undefined });
  }
  return changes;
}
