// SPDX-License-Identifier: Apache-2.0
import type { EventOf } from '@plumbline/events';
import { type ApplicationView, type TokenView, versionKey, type VersionView } from '@plumbline/read-models';
import { at, clustersOf, type Decision, nextGeneration, on } from './decide.js';
import type { PolicyViews } from './policy-views.js';

/** The answer to one submitted approval or rejection. Binds to the digest that the approver saw. */
export function answerSubmission(
  views: PolicyViews,
  submission: EventOf<'ApprovalSubmitted'>,
): { readonly streamVersion: number; readonly decisions: readonly Decision[] } {
  const { application: id, environment, version: number } = submission.data;
  const application = views.get('application', id);
  const version = views.get('version', versionKey(id, number, environment));
  const refusal = refusalOf({ views, submission, application, version });
  if (refusal !== undefined || version === undefined || application === undefined) {
    const { reason, message } = refusal ?? { reason: 'NotWaiting', message: 'there is no such version' };
    const data = { application: id, environment, version: number, approver: submission.actor.id, reason, message };
    return {
      streamVersion: number,
      decisions: [{ type: 'event', version: number, event: { type: 'ApprovalRefused', data } }],
    };
  }
  if (submission.data.verdict === 'Reject') {
    const comment = submission.data.comment === undefined ? {} : { comment: submission.data.comment };
    return {
      streamVersion: number,
      decisions: [
        on(version, { type: 'VersionRejected', data: { ...at(version), by: submission.actor.id, ...comment } }),
      ],
    };
  }
  return { streamVersion: number, decisions: granted({ views, submission, application, version }) };
}

interface Refusal {
  readonly reason: string;
  readonly message: string;
}

interface Case {
  readonly views: PolicyViews;
  readonly submission: EventOf<'ApprovalSubmitted'>;
  readonly application: ApplicationView | undefined;
  readonly version: VersionView | undefined;
}

function refusalOf({ views, submission, application, version }: Case): Refusal | undefined {
  const { version: number, environment, renderDigest, verdict } = submission.data;
  if (application === undefined || version === undefined)
    return { reason: 'NotWaiting', message: `version ${number} does not exist in environment "${environment}"` };
  if (version.decision.state !== 'WaitingApproval') {
    return {
      reason: 'NotWaiting',
      message: `version ${number} of "${application.id}" in "${environment}" does not wait for approval: it is ${version.decision.state}`,
    };
  }
  if (renderDigest !== version.renderDigest)
    return {
      reason: 'DigestChanged',
      message: 'what was approved is not what would be released: look at the version again',
    };
  if (verdict === 'Reject') return undefined;
  if (version.approvals?.granted.some(({ approver }) => approver === submission.actor.id))
    return { reason: 'AlreadyApproved', message: `${submission.actor.name} has approved it already` };
  if (isAuthor(views.get('token', submission.actor.id), version))
    return {
      reason: 'IsAuthor',
      message: `${submission.actor.name} wrote a commit of this version and does not count`,
    };
  return undefined;
}

function isAuthor(token: TokenView | undefined, version: VersionView): boolean {
  const excluded = new Set(version.approvals?.excluded ?? []);
  return [token?.name ?? '', ...(token?.emails ?? [])].some((identity) => excluded.has(identity.toLowerCase()));
}

function granted({
  views,
  submission,
  application,
  version,
}: Case & { readonly application: ApplicationView; readonly version: VersionView }): readonly Decision[] {
  const required = version.approvals?.required ?? 1;
  const before = version.approvals?.granted ?? [];
  const count = before.length + 1;
  const comment = submission.data.comment === undefined ? {} : { comment: submission.data.comment };
  const grant = on(version, {
    type: 'ApprovalGranted',
    data: {
      ...at(version),
      renderDigest: version.renderDigest,
      approver: submission.actor.id,
      approverName: submission.actor.name,
      ...comment,
      granted: count,
      required,
    },
  });
  if (count < required) return [grant];
  const environment = application.spec.environments.find(({ name }) => name === version.environment);
  const clusters = environment === undefined ? [] : clustersOf(views, environment).map(({ name }) => name);
  const approvals = [...before.map(({ eventId }) => eventId), submission.id];
  return [
    grant,
    {
      type: 'release',
      draft: {
        version,
        generation: nextGeneration(application, version.environment),
        kind: 'Approved',
        clusters,
        approvals,
      },
    },
  ];
}
