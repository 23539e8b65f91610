// SPDX-License-Identifier: Apache-2.0
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintAsNumber } from './columns.js';

/** How far a consumer of the log inside of the audit service has come. */
@Entity({ schema: 'ledger', name: 'cursor' })
export class ConsumerCursorEntity {
  @PrimaryColumn({ type: 'text' })
  readonly consumer!: string;

  @PrimaryColumn({ type: 'integer' })
  readonly version!: number;

  @PrimaryColumn({ type: 'smallint' })
  readonly shard!: number;

  @PrimaryColumn({ type: 'smallint' })
  readonly partition!: number;

  /** The next position to process. */
  @Column({ name: 'pos', type: 'bigint', transformer: bigintAsNumber })
  readonly position!: number;

  /** Epoch of the leader that moved it last: a leader of an earlier epoch cannot move it any more. */
  @Column({ name: 'owner_epoch', type: 'bigint', transformer: bigintAsNumber })
  readonly ownerEpoch!: number;

  @Column({ name: 'updated_at', type: 'timestamptz', insert: false })
  readonly updatedAt!: Date;
}
