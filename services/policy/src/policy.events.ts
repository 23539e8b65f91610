// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import { type ApplicationEvent, PolicyState } from './domain/state.js';

const POLICY = { consumer: 'policy' };

/** The events that the policy service consumes, by what they mean for its decisions. */
@Controller()
export class PolicyEvents {
  readonly #state: PolicyState;

  constructor(@Inject(PolicyState) state: PolicyState) {
    this.#state = state;
  }

  @EventPattern('ApprovalSubmitted', POLICY)
  approvalSubmitted(event: EventOf<'ApprovalSubmitted'>): void {
    this.#state.approvalSubmitted(event);
  }

  @EventPattern(['ApprovalGranted', 'ApprovalRefused', 'VersionRejected'], POLICY)
  approvalAnswered(event: EventOf<'ApprovalGranted'> | EventOf<'ApprovalRefused'> | EventOf<'VersionRejected'>): void {
    this.#state.approvalAnswered(event);
  }

  @EventPattern('RollbackRequested', POLICY)
  rollbackRequested(event: EventOf<'RollbackRequested'>): void {
    this.#state.rollbackRequested(event);
  }

  @EventPattern('RollbackRefused', POLICY)
  rollbackRefused(event: EventOf<'RollbackRefused'>): void {
    this.#state.rollbackRefused(event);
  }

  @EventPattern('VersionReleased', POLICY)
  versionReleased(event: EventOf<'VersionReleased'>): void {
    this.#state.versionReleased(event);
  }

  @EventPattern(
    [
      'ApplicationDeclared',
      'ApplicationResumed',
      'VersionRendered',
      'RenderFailed',
      'SyncCompleted',
      'HealthChanged',
      'TargetRemoved',
    ],
    POLICY,
  )
  applicationChanged(event: ApplicationEvent): void {
    this.#state.applicationChanged(event);
  }

  @EventPattern(['ClusterDeclared', 'ClusterRemoved', 'ClusterConnected'], POLICY)
  clustersChanged(event: PlumblineEvent): void {
    this.#state.clustersChanged(event);
  }

  @EventPattern(['ProjectDeclared', 'ProjectRemoved'], POLICY)
  projectChanged(event: EventOf<'ProjectDeclared'> | EventOf<'ProjectRemoved'>): void {
    this.#state.projectChanged(event);
  }

  @EventPattern(
    [
      'ApplicationRemoved',
      'ApplicationSuspended',
      'RevisionObserved',
      'ClusterUnreachable',
      'TokenIssued',
      'TokenRevoked',
      'PolicyEvaluated',
      'ApprovalRequested',
      'VersionBlocked',
      'VersionWaiting',
      'VersionSuperseded',
      'SyncStarted',
      'SyncRefused',
      'DriftDetected',
      'DriftResolved',
    ],
    POLICY,
  )
  documentsChanged(event: PlumblineEvent): void {
    this.#state.documentsChanged(event);
  }
}
