// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { EventOf, PlumblineEvent } from '@plumbline/events';
import { GatewayFold } from './state/gateway-fold.js';

const GATEWAY = { consumer: 'gateway' };

/** The events that the gateway consumes: those that change what it answers from memory. */
@Controller()
export class GatewayEvents {
  readonly #fold: GatewayFold;

  constructor(@Inject(GatewayFold) fold: GatewayFold) {
    this.#fold = fold;
  }

  @EventPattern(['TokenIssued', 'TokenRevoked'], GATEWAY)
  tokenChanged(event: EventOf<'TokenIssued'> | EventOf<'TokenRevoked'>): void {
    this.#fold.state.tokenChanged(event);
  }

  @EventPattern(['SyncCompleted', 'SyncRefused'], GATEWAY)
  syncEnded(event: EventOf<'SyncCompleted'> | EventOf<'SyncRefused'>): void {
    this.#fold.state.syncEnded(event);
  }

  @EventPattern('RefreshRequested', GATEWAY)
  refreshRequested(event: EventOf<'RefreshRequested'>): void {
    this.#fold.state.refreshRequested(event);
  }

  @EventPattern(
    [
      'ApplicationDeclared',
      'ApplicationRemoved',
      'ApplicationSuspended',
      'ApplicationResumed',
      'ProjectDeclared',
      'ProjectRemoved',
      'RepositoryDeclared',
      'RepositoryRemoved',
      'ClusterDeclared',
      'ClusterRemoved',
      'SubscriptionDeclared',
      'SubscriptionRemoved',
    ],
    GATEWAY,
  )
  declarationChanged(event: PlumblineEvent): void {
    this.#fold.state.documentsChanged(event);
  }

  @EventPattern(
    [
      'RevisionObserved',
      'RefMissing',
      'RepositoryUnreachable',
      'RepositoryRecovered',
      'ResourcesRead',
      'ResourcesUnreadable',
      'ResourcesApplied',
      'ResourcesRefused',
    ],
    GATEWAY,
  )
  repositoryChanged(event: PlumblineEvent): void {
    this.#fold.state.documentsChanged(event);
  }

  @EventPattern(
    [
      'VersionRendered',
      'RenderFailed',
      'PlanComputed',
      'PlanFailed',
      'PolicyEvaluated',
      'ApprovalRequested',
      'ApprovalGranted',
      'VersionReleased',
      'VersionBlocked',
      'VersionWaiting',
      'VersionRejected',
      'VersionSuperseded',
    ],
    GATEWAY,
  )
  versionChanged(event: PlumblineEvent): void {
    this.#fold.state.documentsChanged(event);
  }

  @EventPattern(
    [
      'ClusterConnected',
      'ClusterUnreachable',
      'SyncStarted',
      'HealthChanged',
      'DriftDetected',
      'DriftResolved',
      'TargetRemoved',
    ],
    GATEWAY,
  )
  targetChanged(event: PlumblineEvent): void {
    this.#fold.state.documentsChanged(event);
  }

  @EventPattern(['DeliveryProgressed', 'DeliveryParked', 'DeliveryReplayRequested'], GATEWAY)
  deliveryChanged(event: PlumblineEvent): void {
    this.#fold.state.documentsChanged(event);
  }

  @EventPattern(['StreamQuarantined', 'StreamRecovered', 'StreamRetryRequested'], GATEWAY)
  quarantineChanged(event: PlumblineEvent): void {
    this.#fold.state.documentsChanged(event);
  }
}
