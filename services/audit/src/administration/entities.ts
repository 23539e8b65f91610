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

/** The tables of the log administration. */
export const administrationEntities = [LegalHoldEntity];
