// SPDX-License-Identifier: Apache-2.0
import { type DataSource, LessThan, LessThanOrEqual, type Repository } from 'typeorm';
import { ConsumerCursorEntity } from '../database/consumer-cursor.entity.js';

const CURSOR = { consumer: 'relay', version: 1, shard: 0, partition: 0 } as const;

/** The durable position of the relay. */
export class RelayCursor {
  readonly #cursors: Repository<ConsumerCursorEntity>;

  constructor(source: DataSource) {
    this.#cursors = source.getRepository(ConsumerCursorEntity);
  }

  /** Returns the next position to publish; 0 the first time. */
  async load(): Promise<number> {
    await this.#cursors
      .createQueryBuilder()
      .insert()
      .values({ ...CURSOR, position: 0, ownerEpoch: 0 })
      .orIgnore()
      .execute();
    return (await this.#cursors.findOneByOrFail(CURSOR)).position;
  }

  /** Moves the position forward; does nothing when a later epoch owns the cursor or the position is not ahead. */
  async save(position: number, epoch: number): Promise<void> {
    await this.#cursors.update(
      { ...CURSOR, position: LessThan(position), ownerEpoch: LessThanOrEqual(epoch) },
      { position, ownerEpoch: epoch, updatedAt: () => 'clock_timestamp()' },
    );
  }
}
