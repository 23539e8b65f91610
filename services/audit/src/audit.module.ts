// SPDX-License-Identifier: Apache-2.0
import { Global, Inject, Injectable, Module } from '@nestjs/common';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { EVENT_BUS } from '@plumbline/bus';
import type { EventBus } from '@plumbline/bus';
import type { Clock } from '@plumbline/core';
import { EVENT_LOG, LOG_QUERIES } from '@plumbline/event-log';
import type { EventLog, LogQueries } from '@plumbline/event-log';
import { CLOCK, ENDPOINTS, LOGGER, READINESS } from '@plumbline/platform';
import type { Endpoints, Logger, Readiness } from '@plumbline/platform';
import { AuditParts } from './audit-parts.js';
import { AUDIT_CONFIG, auditConfigProvider } from './audit.config.js';
import type { AuditConfig } from './audit.config.js';

const AUDIT_PARTS = Symbol('AUDIT_PARTS');

async function openParts(config: AuditConfig, bus: EventBus, logger: Logger, clock: Clock): Promise<AuditParts> {
  return AuditParts.open({ logUrl: config.logUrl, migrateUrl: config.migrateUrl, role: config.role, bus, logger: logger.child({ role: 'audit' }), clock });
}

@Injectable()
class AuditLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(AUDIT_PARTS) private readonly parts: AuditParts,
    @Inject(AUDIT_CONFIG) private readonly config: AuditConfig,
    @Inject(ENDPOINTS) private readonly endpoints: Endpoints,
    @Inject(READINESS) private readonly readiness: Readiness,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.parts.startRelay();
    if (this.config.door !== undefined) this.endpoints.announce('log', await this.parts.openDoor(this.config.door));
    // A process that waits for another one's lead answers reads, and appends as soon as it leads.
    this.readiness.report('log', true);
    this.parts.log.onLead((leads) => this.readiness.report('log', true, leads ? 'leads' : 'does not lead'));
  }

  /** Last of all: other modules of this process append their last events in the hooks before. */
  async onApplicationShutdown(): Promise<void> {
    await this.parts.close();
  }
}

/** The log's writer, its views and its door; gives the ports of the log to every module of the process. */
@Global()
@Module({
  providers: [
    auditConfigProvider,
    { provide: AUDIT_PARTS, inject: [AUDIT_CONFIG, EVENT_BUS, LOGGER, CLOCK], useFactory: openParts },
    { provide: EVENT_LOG, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): EventLog => parts.log },
    { provide: LOG_QUERIES, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): LogQueries => parts.queries },
    AuditLifecycle,
  ],
  exports: [EVENT_LOG, LOG_QUERIES],
})
export class AuditModule {}
