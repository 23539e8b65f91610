// SPDX-License-Identifier: Apache-2.0
import { Column, Entity, PrimaryColumn, VirtualColumn } from 'typeorm';
import { bigintAsNumber, timeText } from '../database/columns.js';

/** A legal hold. A trigger permits one change: lifting it. */
@Entity({ schema: 'ledger', name: 'legal_hold' })
export class LegalHoldEntity {
  @PrimaryColumn({ type: 'text' })
  readonly id!: string;

  @Column({ type: 'smallint' })
  readonly shard!: number;

  /** First position that is held. */
  @Column({ name: 'first_pos', type: 'bigint', transformer: bigintAsNumber })
  readonly first!: number;

  /** Position after the last one; null for everything that follows. */
  @Column({ name: 'next_pos', type: 'bigint', nullable: true, transformer: bigintAsNumber })
  readonly next!: number | null;

  @Column({ type: 'text' })
  readonly reason!: string;

  @Column({ name: 'placed_by', type: 'text' })
  readonly placedBy!: string;

  @Column({ name: 'placed_at', type: 'timestamptz', insert: false, update: false })
  readonly placedAt!: Date;

  @VirtualColumn({ type: 'text', query: (alias) => `select ${timeText(`${alias}.placed_at`)}` })
  readonly placedAtText!: string;

  @Column({ name: 'lifted_by', type: 'text', nullable: true })
  readonly liftedBy!: string | null;

  @Column({ name: 'lifted_at', type: 'timestamptz', nullable: true })
  readonly liftedAt!: Date | null;

  @VirtualColumn({ type: 'text', query: (alias) => `select ${timeText(`${alias}.lifted_at`)}` })
  readonly liftedAtText!: string | null;
}

/** The holder of work that one process does for all. */
@Entity({ schema: 'ledger', name: 'work_lease' })
export class WorkLeaseEntity {
  @PrimaryColumn({ type: 'text' })
  readonly work!: string;

  @Column({ type: 'text' })
  readonly holder!: string;

  @Column({ type: 'bigint', transformer: bigintAsNumber })
  readonly epoch!: number;

  @Column({ name: 'acquired_at', type: 'timestamptz', insert: false })
  readonly acquiredAt!: Date;

  @Column({ name: 'expires_at', type: 'timestamptz' })
  readonly expiresAt!: Date;
}

/** How far events were delivered to a subscription. */
@Entity({ schema: 'ledger', name: 'delivery_cursor' })
export class DeliveryCursorEntity {
  @PrimaryColumn({ type: 'text' })
  readonly subscription!: string;

  @Column({ name: 'begun_by', type: 'bigint', transformer: bigintAsNumber })
  readonly begunBy!: number;

  @Column({ name: 'pos', type: 'bigint', transformer: bigintAsNumber })
  readonly position!: number;

  @Column({ type: 'bigint', transformer: bigintAsNumber })
  readonly delivered!: number;

  @Column({ name: 'updated_at', type: 'timestamptz', insert: false })
  readonly updatedAt!: Date;

  @VirtualColumn({ type: 'text', query: (alias) => `select ${timeText(`${alias}.updated_at`)}` })
  readonly updatedAtText!: string;
}

/** The tables of the log administration. */
export const administrationEntities = [LegalHoldEntity, WorkLeaseEntity, DeliveryCursorEntity];
