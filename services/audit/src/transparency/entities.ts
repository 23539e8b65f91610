// SPDX-License-Identifier: Apache-2.0
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from '../database/columns.js';

/** A signed checkpoint. Read only: functions of the database add, publish and cosign. */
@Entity({ schema: 'ledger', name: 'checkpoint' })
export class CheckpointEntity {
  @PrimaryColumn({ type: 'smallint' })
  readonly shard!: number;

  @PrimaryColumn({ type: 'bigint', transformer: bigintAsNumber })
  readonly size!: number;

  @Column({ type: 'text' })
  readonly note!: string;

  @Column({ type: 'text' })
  readonly cosignatures!: string;

  @Column({ name: 'published_at', type: 'timestamptz', nullable: true })
  readonly publishedAt!: Date | null;
}

/** The tables of the transparency log. */
export const transparencyEntities = [CheckpointEntity];
