// SPDX-License-Identifier: Apache-2.0
import { Column, Entity, PrimaryColumn, VirtualColumn } from 'typeorm';
import { bigintAsNumber, timeText } from '../database/columns.js';

/** Which version of the read models is shown, and by which definition it was made. */
@Entity({ schema: 'projection', name: 'live' })
export class LiveVersionEntity {
  @PrimaryColumn({ type: 'text' })
  readonly consumer!: string;

  @Column({ type: 'integer' })
  readonly version!: number;

  @Column({ type: 'text' })
  readonly definition!: string;

  @Column({ type: 'boolean' })
  readonly history!: boolean;
}

/** A document of a read model. */
@Entity({ schema: 'projection', name: 'document' })
export class DocumentEntity {
  @PrimaryColumn({ type: 'integer' })
  readonly version!: number;

  @PrimaryColumn({ type: 'text' })
  readonly view!: string;

  @PrimaryColumn({ type: 'text' })
  readonly key!: string;

  @Column({ type: 'json' })
  readonly document!: unknown;

  @Column({ type: 'bigint', transformer: bigintAsNumber })
  readonly position!: number;
}

/** An event as the audit search finds it. */
@Entity({ schema: 'projection', name: 'audit_event' })
export class AuditEventEntity {
  @PrimaryColumn({ type: 'integer' })
  readonly version!: number;

  @PrimaryColumn({ type: 'bigint', transformer: bigintAsNumber })
  readonly position!: number;

  @Column({ type: 'text' })
  readonly type!: string;

  @Column({ type: 'text' })
  readonly actor!: string;

  @Column({ name: 'actor_name', type: 'text' })
  readonly actorName!: string;

  @Column({ type: 'text', nullable: true })
  readonly application!: string | null;

  @Column({ type: 'text', nullable: true })
  readonly environment!: string | null;

  @Column({ type: 'text', nullable: true })
  readonly cluster!: string | null;

  @Column({ name: 'correlation_id', type: 'text' })
  readonly correlationId!: string;

  @Column({ name: 'recorded_at', type: 'timestamptz' })
  readonly recordedAt!: Date;
}

/** An event that the read models could not process, or one that waits behind it. */
@Entity({ schema: 'ledger', name: 'dead_letter' })
export class QuarantinedEventEntity {
  @PrimaryColumn({ type: 'text' })
  readonly consumer!: string;

  @PrimaryColumn({ type: 'integer' })
  readonly version!: number;

  @PrimaryColumn({ type: 'smallint' })
  readonly shard!: number;

  @PrimaryColumn({ name: 'pos', type: 'bigint', transformer: bigintAsNumber })
  readonly position!: number;

  /** The stream. */
  @PrimaryColumn({ name: 'key', type: 'text' })
  readonly stream!: string;

  @Column({ type: 'integer' })
  readonly attempts!: number;

  @Column({ name: 'error', type: 'text' })
  readonly message!: string;

  @Column({ type: 'text' })
  readonly state!: 'parked' | 'resolved';

  @Column({ name: 'updated_at', type: 'timestamptz' })
  readonly updatedAt!: Date;

  @VirtualColumn({ type: 'text', query: (alias) => `select ${timeText(`${alias}.updated_at`)}` })
  readonly updatedAtText!: string;
}

/** The tables of the read models. */
export const readModelEntities = [LiveVersionEntity, DocumentEntity, AuditEventEntity, QuarantinedEventEntity];
