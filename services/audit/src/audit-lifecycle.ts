// SPDX-License-Identifier: Apache-2.0
import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { Meter } from '@opentelemetry/api';
import { type Endpoints, ENDPOINTS, type Logger, LOGGER, METER, type Readiness, READINESS } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { RETENTION } from './administration/administration.module.js';
import { PersonErasure } from './administration/person-erasure.js';
import { RecordedParkedWork } from './administration/recorded-parked-work.js';
import type { RetentionLoop } from './administration/retention-loop.js';
import { observeAudit } from './audit-metrics.js';
import { AUDIT_CONFIG, type AuditConfig } from './audit.config.js';
import { DERIVED, DURABLE } from './database/database.module.js';
import { DatabaseWatch } from './database/database-watch.js';
import { LOG_SERVER } from './grpc/grpc.module.js';
import type { LogServer } from './grpc/log-server.js';
import { PostgresEventLog } from './ledger/postgres-event-log.js';
import { Relay } from './publishing/relay.js';
import { Projector } from './read-models/projector.js';
import { observeTree } from './transparency/tree-metrics.js';
import { Transparency } from './transparency/transparency.js';

const PROBE_TIMEOUT_MS = 2_000;

/** Starts the parts of the audit service, and stops them in the opposite order: intake first, the database last. */
@Injectable()
export class AuditLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log: PostgresEventLog;
  readonly #projector: Projector;
  readonly #relay: Relay;
  readonly #transparency: Transparency;
  readonly #persons: PersonErasure;
  readonly #quarantine: RecordedParkedWork;
  readonly #retention: RetentionLoop | undefined;
  readonly #server: LogServer | undefined;
  readonly #durable: DataSource;
  readonly #derived: DataSource;
  readonly #config: AuditConfig;
  readonly #endpoints: Endpoints;
  readonly #readiness: Readiness;
  readonly #meter: Meter;
  readonly #database: DatabaseWatch;

  constructor(
    @Inject(PostgresEventLog) log: PostgresEventLog,
    @Inject(Projector) projector: Projector,
    @Inject(Relay) relay: Relay,
    @Inject(Transparency) transparency: Transparency,
    @Inject(PersonErasure) persons: PersonErasure,
    @Inject(RecordedParkedWork) quarantine: RecordedParkedWork,
    @Inject(RETENTION) retention: RetentionLoop | undefined,
    @Inject(LOG_SERVER) server: LogServer | undefined,
    @Inject(getDataSourceToken(DURABLE)) durable: DataSource,
    @Inject(getDataSourceToken(DERIVED)) derived: DataSource,
    @Inject(AUDIT_CONFIG) config: AuditConfig,
    @Inject(ENDPOINTS) endpoints: Endpoints,
    @Inject(READINESS) readiness: Readiness,
    @Inject(METER) meter: Meter,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#log = log;
    this.#projector = projector;
    this.#relay = relay;
    this.#transparency = transparency;
    this.#persons = persons;
    this.#quarantine = quarantine;
    this.#retention = retention;
    this.#server = server;
    this.#durable = durable;
    this.#derived = derived;
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

  /** First of the process, since the module is global: other modules query the read models in their hooks. */
  onModuleInit(): void {
    this.#projector.start();
    // A new leader completes erasures that were requested and not done.
    this.#log.onLead((leads) => void (leads && this.#persons.resume()));
    if (this.#log.leads) void this.#persons.resume();
  }

  async onApplicationBootstrap(): Promise<void> {
    observeAudit(this.#meter, { log: this.#log, projector: this.#projector, relay: this.#relay });
    observeTree(this.#meter, this.#transparency, this.#log);
    this.#relay.start();
    this.#transparency.start();
    this.#retention?.start();
    if (this.#server !== undefined && this.#config.grpc !== undefined)
      this.#endpoints.announce('log', await this.#server.listen(this.#config.grpc.listen));
    // A follower answers reads, and appends as soon as it leads.
    const report = (leads: boolean): void => this.#readiness.report('log', true, leads ? 'leads' : 'does not lead');
    report(this.#log.leads);
    this.#log.onLead(report);
    // A process without its database answers nothing: traffic goes to others. It stays alive, since a restart would
    // not help.
    this.#database.start();
  }

  /** Last of the process, since the module is global: other modules append their last events in the hooks before. */
  async onApplicationShutdown(): Promise<void> {
    await this.#database.stop();
    await this.#server?.close();
    await this.#retention?.stop();
    await this.#transparency.stop();
    await this.#relay.stop();
    await this.#projector.stop();
    await this.#persons.settled();
    await this.#quarantine.settled();
    await this.#log.close();
    await this.#durable.destroy();
    await this.#derived.destroy();
  }
}
