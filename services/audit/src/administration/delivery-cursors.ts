// SPDX-License-Identifier: Apache-2.0
import type { DeliveryCursor, DeliveryCursors, DeliveryProgress, WorkLease } from '@plumbline/event-log';
import { type DataSource, type EntityManager, Raw, type Repository } from 'typeorm';
import { DeliveryCursorEntity, WorkLeaseEntity } from './entities.js';
import { reported } from './work-leases.js';

const NOW = 'clock_timestamp()';
const valid = Raw((column) => `${column} > ${NOW}`);

/**
 * Delivery cursors in a table. Each write holds a lock on the lease that it acts for, so that a former holder changes
 * nothing.
 */
export class PostgresDeliveryCursors implements DeliveryCursors {
  readonly #cursors: Repository<DeliveryCursorEntity>;

  constructor(source: DataSource) {
    this.#cursors = source.getRepository(DeliveryCursorEntity);
  }

  async list(): Promise<readonly DeliveryCursor[]> {
    const rows = await reported('delivery cursors', this.#cursors.find({ order: { subscription: 'ASC' } }));
    return rows.map(({ subscription, begunBy, position, delivered, updatedAtText: updatedAt }) => ({
      subscription,
      begunBy,
      position,
      delivered,
      updatedAt,
    }));
  }

  async advance({ subscription, begunBy, position, delivered }: DeliveryProgress, lease: WorkLease): Promise<boolean> {
    return this.#withLease(lease, async (manager) => {
      const cursors = manager.getRepository(DeliveryCursorEntity);
      await cursors
        .createQueryBuilder()
        .insert()
        .values({ subscription, begunBy, position, delivered: 0 })
        .orIgnore()
        .execute();
      await cursors.update(
        { subscription },
        { begunBy, position, delivered: () => `delivered + ${Math.trunc(delivered)}`, updatedAt: () => NOW },
      );
    });
  }

  async remove(subscription: string, lease: WorkLease): Promise<void> {
    await this.#withLease(lease, async (manager) => {
      await manager.delete(DeliveryCursorEntity, { subscription });
    });
  }

  /** Returns false without doing the work when the lease is not valid. @throws UpstreamError PLB-6007 */
  #withLease({ work, holder, epoch }: WorkLease, write: (manager: EntityManager) => Promise<void>): Promise<boolean> {
    const written = this.#cursors.manager.transaction(async (manager) => {
      const lease = await manager.findOne(WorkLeaseEntity, {
        where: { work, holder, epoch, expiresAt: valid },
        lock: { mode: 'pessimistic_read' },
      });
      if (lease === null) return false;
      await write(manager);
      return true;
    });
    return reported('delivery cursors', written);
  }
}
