// SPDX-License-Identifier: Apache-2.0
import {
  Global,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Meter } from '@opentelemetry/api';
import { EVENT_BUS, type EventBus } from '@plumbline/messaging';
import type { Clock } from '@plumbline/core';
import {
  EVENT_LOG,
  type EventLog,
  LEGAL_HOLDS,
  type LegalHolds,
  LOG_QUERIES,
  LOG_TREE,
  type LogQueries,
  type LogTree,
  PARKED_WORK,
  type ParkedWork,
  PERSONAL_DATA,
  type PersonalData,
  WORK_LEASES,
  type WorkLeases,
} from '@plumbline/event-log';
import {
  CLOCK,
  type Endpoints,
  ENDPOINTS,
  type Logger,
  LOGGER,
  METER,
  type Readiness,
  READINESS,
} from '@plumbline/platform';
import { AuditParts } from './audit-parts.js';
import { AUDIT_CONFIG, type AuditConfig, auditConfigProvider } from './audit.config.js';
import { DatabaseWatch } from './database-watch.js';
import { RETENTION_CONFIG, type RetentionConfig, retentionConfigProvider } from './administration/retention.config.js';
import { observeTree } from './transparency/tree-metrics.js';
import { TREE_CONFIG, type TreeConfig, treeConfigProvider } from './transparency/tree.config.js';

const AUDIT_PARTS = Symbol('AUDIT_PARTS');
const PROBE_TIMEOUT_MS = 2_000;

async function openParts(
  config: AuditConfig,
  bus: EventBus,
  logger: Logger,
  clock: Clock,
  tree: TreeConfig,
  retention: RetentionConfig,
): Promise<AuditParts> {
  return AuditParts.open({
    tree,
    retention,
    logUrl: config.logUrl,
    migrateUrl: config.migrateUrl,
    role: config.role,
    leaseMs: config.leaseMs,
    ...(config.personalKey === undefined ? {} : { personalKey: config.personalKey }),
    bus,
    logger: logger.child({ role: 'audit' }),
    clock,
  });
}

/** How far the log is, and how far those are that follow it: the difference is what an alarm watches. */
function observe(meter: Meter, parts: AuditParts): void {
  const gauge = (name: string, description: string, read: () => number | undefined): void => {
    meter.createObservableGauge(name, { description }).addCallback((result) => {
      const value = read();
      if (value !== undefined) result.observe(value);
    });
  };
  gauge('plumbline_log_leads', '1 while this process writes the log', () => (parts.log.leads ? 1 : 0));
  gauge(
    'plumbline_log_next_position',
    'Next position of the log, in the process that leads',
    () => parts.log.nextPosition,
  );
  gauge('plumbline_log_views_position', 'Next position that the views will fold', () => parts.projector.position);
  meter
    .createObservableCounter('plumbline_log_refusals_total', {
      description: 'Appends and calls that the log refused, by code of the error',
    })
    .addCallback((result) => {
      for (const [code, count] of parts.log.refusals.counts) result.observe(count, { code });
    });
  gauge(
    'plumbline_log_views_parked',
    'Streams that the views stand still at because of an event that cannot be applied; above 0 a person must act',
    () => parts.projector.parkedKeys,
  );
  gauge('plumbline_log_relay_position', 'Next position that will be published on the bus', () => parts.relay.position);
}

@Injectable()
class AuditLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #parts: AuditParts;
  readonly #config: AuditConfig;
  readonly #endpoints: Endpoints;
  readonly #readiness: Readiness;
  readonly #meter: Meter;

  readonly #database: DatabaseWatch;

  constructor(
    @Inject(AUDIT_PARTS) parts: AuditParts,
    @Inject(AUDIT_CONFIG) config: AuditConfig,
    @Inject(ENDPOINTS) endpoints: Endpoints,
    @Inject(READINESS) readiness: Readiness,
    @Inject(METER) meter: Meter,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#parts = parts;
    this.#config = config;
    this.#endpoints = endpoints;
    this.#readiness = readiness;
    this.#meter = meter;

    this.#database = new DatabaseWatch({
      url: config.logUrl,
      role: config.role === 'none' ? undefined : config.role,
      everyMs: config.probeMs,
      timeoutMs: PROBE_TIMEOUT_MS,
      logger: logger.child({ role: 'audit' }),
      report: (answers, detail) => readiness.report('database', answers, detail),
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    observe(this.#meter, this.#parts);
    observeTree(this.#meter, this.#parts);
    this.#parts.startRelay();
    if (this.#config.door !== undefined) this.#endpoints.announce('log', await this.#parts.openDoor(this.#config.door));
    // A process that waits for another one's lead answers reads, and appends as soon as it leads.
    this.#readiness.report('log', true, this.#parts.log.leads ? 'leads' : 'does not lead');
    this.#parts.log.onLead((leads) => this.#readiness.report('log', true, leads ? 'leads' : 'does not lead'));
    // One that cannot reach its database answers nothing: traffic goes to those that can. It stays alive, since a restart would not help.
    this.#database.start();
  }

  /** Last of all: other modules of this process append their last events in the hooks before. */
  async onApplicationShutdown(): Promise<void> {
    await this.#database.stop();
    await this.#parts.close();
  }
}

/** The log's writer, its views and its door; gives the ports of the log to every module of the process. */
@Global()
@Module({
  providers: [
    auditConfigProvider,
    treeConfigProvider,
    retentionConfigProvider,
    {
      provide: AUDIT_PARTS,
      inject: [AUDIT_CONFIG, EVENT_BUS, LOGGER, CLOCK, TREE_CONFIG, RETENTION_CONFIG],
      useFactory: openParts,
    },
    { provide: EVENT_LOG, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): EventLog => parts.log },
    { provide: LOG_QUERIES, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): LogQueries => parts.queries },
    { provide: LOG_TREE, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): LogTree => parts.tree.tree },
    { provide: PARKED_WORK, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): ParkedWork => parts.parked },
    { provide: LEGAL_HOLDS, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): LegalHolds => parts.holds },
    { provide: PERSONAL_DATA, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): PersonalData => parts.persons },
    { provide: WORK_LEASES, inject: [AUDIT_PARTS], useFactory: (parts: AuditParts): WorkLeases => parts.leases },
    AuditLifecycle,
  ],
  exports: [EVENT_LOG, LOG_QUERIES, LOG_TREE, PARKED_WORK, LEGAL_HOLDS, PERSONAL_DATA, WORK_LEASES],
})
export class AuditModule {}
