// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import type { EventOf } from '@plumbline/events';
import { Fleet } from './domain/fleet.js';

const APPLIER = { consumer: 'applier' };

/** The events that the applier consumes. */
@Controller()
export class ApplierEvents {
  readonly #fleet: Fleet;

  constructor(@Inject(Fleet) fleet: Fleet) {
    this.#fleet = fleet;
  }

  @EventPattern('ApplicationDeclared', APPLIER)
  applicationDeclared(event: EventOf<'ApplicationDeclared'>): void {
    this.#fleet.onApplication(event);
  }

  @EventPattern('ApplicationRemoved', APPLIER)
  applicationRemoved(event: EventOf<'ApplicationRemoved'>): void {
    this.#fleet.onApplication(event);
  }

  @EventPattern('ApplicationSuspended', APPLIER)
  applicationSuspended(event: EventOf<'ApplicationSuspended'>): void {
    this.#fleet.onApplication(event);
  }

  @EventPattern('ApplicationResumed', APPLIER)
  applicationResumed(event: EventOf<'ApplicationResumed'>): void {
    this.#fleet.onApplication(event);
  }

  @EventPattern('ClusterDeclared', APPLIER)
  clusterDeclared(event: EventOf<'ClusterDeclared'>): void {
    this.#fleet.onCluster(event);
  }

  @EventPattern('ClusterRemoved', APPLIER)
  clusterRemoved(event: EventOf<'ClusterRemoved'>): void {
    this.#fleet.onCluster(event);
  }

  @EventPattern('ClusterConnected', APPLIER)
  clusterConnected(event: EventOf<'ClusterConnected'>): void {
    this.#fleet.onCluster(event);
  }

  @EventPattern('ClusterUnreachable', APPLIER)
  clusterUnreachable(event: EventOf<'ClusterUnreachable'>): void {
    this.#fleet.onCluster(event);
  }

  @EventPattern('VersionRendered', APPLIER)
  versionRendered(event: EventOf<'VersionRendered'>): void {
    this.#fleet.onRendered(event);
  }

  @EventPattern('VersionReleased', APPLIER)
  versionReleased(event: EventOf<'VersionReleased'>): void {
    this.#fleet.onReleased(event);
  }

  @EventPattern('SyncRequested', APPLIER)
  syncRequested(event: EventOf<'SyncRequested'>): void {
    this.#fleet.onSyncRequested(event);
  }

  @EventPattern('PlanRequested', APPLIER)
  planRequested(event: EventOf<'PlanRequested'>): void {
    this.#fleet.onPlanRequested(event);
  }

  @EventPattern('ApprovalRequested', APPLIER)
  approvalRequested(event: EventOf<'ApprovalRequested'>): void {
    this.#fleet.onPlanRequested(event);
  }

  @EventPattern('PlanComputed', APPLIER)
  planComputed(event: EventOf<'PlanComputed'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('PlanFailed', APPLIER)
  planFailed(event: EventOf<'PlanFailed'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('SyncStarted', APPLIER)
  syncStarted(event: EventOf<'SyncStarted'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('SyncCompleted', APPLIER)
  syncCompleted(event: EventOf<'SyncCompleted'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('SyncRefused', APPLIER)
  syncRefused(event: EventOf<'SyncRefused'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('DriftDetected', APPLIER)
  driftDetected(event: EventOf<'DriftDetected'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('DriftResolved', APPLIER)
  driftResolved(event: EventOf<'DriftResolved'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('HealthChanged', APPLIER)
  healthChanged(event: EventOf<'HealthChanged'>): void {
    this.#fleet.onTarget(event);
  }

  @EventPattern('TargetRemoved', APPLIER)
  targetRemoved(event: EventOf<'TargetRemoved'>): void {
    this.#fleet.onTarget(event);
  }
}
