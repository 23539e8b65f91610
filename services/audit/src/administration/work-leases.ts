// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import { checkLeaseRequest, type LeaseRequest, type WorkLease, type WorkLeases } from '@plumbline/event-log';
import { type DataSource, Not, Raw, type Repository } from 'typeorm';
import { WorkLeaseEntity } from './entities.js';

const NOW = 'clock_timestamp()';
const expired = Raw((column) => `${column} <= ${NOW}`);

/** Milliseconds from now on, by the clock of the database. */
const fromNow = (ttlMs: number): (() => string) => {
  const ms = Math.ceil(ttlMs);
  return () => `${NOW} + interval '${ms} milliseconds'`;
};

/**
 * Leases in a table. Each step is one statement that checks what it replaces, so that of several holders one
 * succeeds.
 */
export class PostgresWorkLeases implements WorkLeases {
  readonly #leases: Repository<WorkLeaseEntity>;

  constructor(source: DataSource) {
    this.#leases = source.getRepository(WorkLeaseEntity);
  }

  async acquire(request: LeaseRequest): Promise<WorkLease | undefined> {
    checkLeaseRequest(request);
    return reported('leases', this.#acquire(request));
  }

  async release({ work, holder, epoch }: WorkLease): Promise<void> {
    await reported('leases', this.#leases.update({ work, holder, epoch }, { expiresAt: () => NOW }));
  }

  async #acquire({ work, holder, ttlMs }: LeaseRequest): Promise<WorkLease | undefined> {
    const expiresAt = fromNow(ttlMs);
    const renewed = await this.#leases.update({ work, holder }, { expiresAt });
    if (renewed.affected === 0) {
      await this.#leases
        .createQueryBuilder()
        .insert()
        .values({ work, holder, epoch: 1, expiresAt })
        .orIgnore()
        .execute();
      await this.#leases.update(
        { work, holder: Not(holder), expiresAt: expired },
        { holder, epoch: () => 'epoch + 1', acquiredAt: () => NOW, expiresAt },
      );
    }
    const lease = await this.#leases.findOneBy({ work, holder });
    return lease === null ? undefined : { work, holder, epoch: lease.epoch };
  }
}

/** @throws UpstreamError PLB-6007 */
export async function reported<Result>(what: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw new UpstreamError('PLB-6007', `the ${what} cannot be read or written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
