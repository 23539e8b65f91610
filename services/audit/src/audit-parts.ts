// SPDX-License-Identifier: Apache-2.0
import type { EventBus } from '@plumbline/messaging';
import { type Clock, systemClock } from '@plumbline/core';
import { WorkLeaseBook } from '@plumbline/event-log';
import { ArchiveFiles, connectionConfig, migrateLedger, PostgresEventLog } from './ledger/index.js';
import type { Logger } from '@plumbline/platform';
import pg from 'pg';
import type { DoorConfig } from './audit.config.js';
import { LogDoor } from './grpc/log-door.js';
import { migrateProjection } from './read-models/migrate.js';
import { ProjectionTables } from './read-models/projection-tables.js';
import { Projector } from './read-models/projector.js';
import { PostgresLogQueries } from './read-models/postgres-log-queries.js';
import { RelayCursor } from './publishing/relay-cursor.js';
import { Relay } from './publishing/relay.js';
import { Archiver } from './administration/archiver.js';
import { PostgresLegalHolds } from './administration/legal-holds.js';
import { RetentionLoop } from './administration/retention-loop.js';
import type { RetentionConfig } from './administration/retention.config.js';
import { LogTreeParts } from './transparency/log-tree-parts.js';
import { treeConfig, type TreeConfig } from './transparency/tree.config.js';
import { PersonErasure } from './administration/person-erasure.js';
import { RecordedParkedWork } from './administration/recorded-parked-work.js';

/** What the audit service is made from. */
export interface AuditOptions {
  readonly logUrl: string;
  /** The database as the owner of the schemas; `logUrl` when absent. */
  readonly migrateUrl?: string;
  /** Role of the connections; the writer's when absent, 'none' for the user of the URL. */
  readonly role?: string;
  /** How long a leader that hangs keeps the lead; 3,000 when absent. */
  readonly leaseMs?: number;
  /** When events leave the database; never when absent. */
  readonly retention?: RetentionConfig;
  /** Seals personal data; see `PostgresEventLogOptions`. */
  readonly personalKey?: Uint8Array;
  readonly bus: EventBus;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Who signs the log, who witnesses it; nobody when absent. */
  readonly tree?: TreeConfig;
}

function openPool(
  options: {
    readonly url: string;
    readonly role: string | undefined;
    readonly max: number;
    readonly relaxedDurability?: boolean;
  },
  logger: Logger,
): pg.Pool {
  const pool = new pg.Pool({
    ...connectionConfig({ ...options, statementTimeoutMs: 30_000 }),
    application_name: 'plumbline-audit',
    max: options.max,
  });
  pool.on('error', (error) => logger.warn('a connection to the views broke', { reason: error.message }));
  return pool;
}

/** The audit service without its framework: the log's writer, the views, the queries and the relay, over one database. */
export class AuditParts {
  readonly log: PostgresEventLog;
  readonly queries: PostgresLogQueries;
  readonly projector: Projector;
  readonly relay: Relay;
  readonly tree: LogTreeParts;
  readonly #pool: pg.Pool;
  readonly #derived: pg.Pool;
  readonly #logger: Logger;
  readonly archiver: Archiver | undefined;
  readonly holds: PostgresLegalHolds;
  readonly parked: RecordedParkedWork;
  readonly persons: PersonErasure;
  readonly leases = new WorkLeaseBook();
  readonly #retention: RetentionLoop | undefined;
  #door: LogDoor | undefined;
  #closed: Promise<void> | undefined;

  private constructor(log: PostgresEventLog, options: AuditOptions) {
    const { logger, bus } = options;
    this.log = log;
    this.#logger = logger;
    const role = options.role === 'none' ? undefined : options.role;
    this.#pool = openPool({ url: options.logUrl, role, max: 6 }, logger);
    // Views and cursors are made from the log: after a crash of the database they go on from where they are on disk.
    this.#derived = openPool({ url: options.logUrl, role, max: 3, relaxedDurability: true }, logger);
    this.projector = new Projector({ log, tables: new ProjectionTables(this.#derived), logger });
    this.queries = new PostgresLogQueries({ pool: this.#pool, progress: this.projector, log });
    this.tree = new LogTreeParts({
      log,
      pool: this.#pool,
      logger,
      clock: options.clock,
      config: options.tree ?? treeConfig({}),
    });
    const { retention, clock = systemClock } = options;
    this.holds = new PostgresLegalHolds({ pool: this.#pool, log, clock });
    this.parked = new RecordedParkedWork({ log, projector: this.projector });
    this.persons = new PersonErasure({
      log,
      clock,
      logger,
      holdsOver: async (positions) => this.holds.over(positions),
      rebuild: async () => this.projector.rebuild(),
    });
    if (retention?.directory !== undefined) {
      this.archiver = new Archiver({
        ownerUrl: options.migrateUrl ?? options.logUrl,
        files: new ArchiveFiles(retention.directory),
        logger,
      });
      this.#retention = new RetentionLoop({
        archiver: this.archiver,
        config: retention,
        clock,
        leads: () => log.leads,
        logger,
      });
    }
    this.leases.lead(log.leads);
    log.onLead((leads) => this.leases.lead(leads));
    this.relay = new Relay({ log, bus, cursor: new RelayCursor(this.#derived), logger });
  }

  /** Migrates, and begins to write and to project. Nothing is published before {@link startRelay}. @throws UpstreamError PLB-6003 */
  static async open(given: AuditOptions): Promise<AuditParts> {
    const options = { role: 'plumbline_writer', ...given };
    const migrateUrl = options.migrateUrl ?? options.logUrl;
    await migrateLedger(migrateUrl);
    await migrateProjection(migrateUrl);
    const { logUrl: url, role, logger: notices, clock, leaseMs, personalKey, retention } = options;
    const limits = leaseMs === undefined ? {} : { leaseMs, heartbeatMs: Math.floor(leaseMs / 3) };
    const log = await PostgresEventLog.open({
      url,
      role,
      notices,
      migrate: false,
      limits,
      ...(personalKey === undefined ? {} : { personalKey }),
      ...(retention?.directory === undefined ? {} : { archiveDirectory: retention.directory }),
      ...(clock === undefined ? {} : { clock }),
    });
    const parts = new AuditParts(log, options);
    parts.projector.start();
    parts.#finishErasures();
    return parts;
  }

  /** Begins to publish, and to sign what is committed. */
  startRelay(): void {
    this.relay.start();
    this.tree.start();
    this.#retention?.start();
  }

  /** Opens the door for the services of other processes; returns its URL. @throws UpstreamError PLB-6006 */
  async openDoor(config: DoorConfig): Promise<string> {
    const { token, tls } = config;
    this.#door = new LogDoor({
      log: this.log,
      queries: this.queries,
      tree: this.tree.tree,
      parked: this.parked,
      holds: this.holds,
      persons: this.persons,
      leases: this.leases,
      refusals: this.log.refusals,
      logger: this.#logger,
      token,
      ...(tls === undefined ? {} : { tls }),
    });
    return this.#door.listen(config.listen);
  }

  /** Whoever begins to lead carries out what was asked for and not done. */
  #finishErasures(): void {
    this.log.onLead((leads) => void (leads && this.persons.resume()));
    if (this.log.leads) void this.persons.resume();
  }

  /** Closes the door, finishes what waits, publishes no more, gives up the lead. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#door?.close();
    await this.#retention?.stop();
    await this.tree.stop();
    await this.relay.stop();
    await this.projector.stop();
    await this.persons.settled();
    await this.parked.settled();
    await this.log.close();
    await this.#pool.end();
    await this.#derived.end();
  }
}
