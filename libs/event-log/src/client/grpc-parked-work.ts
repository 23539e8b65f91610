// SPDX-License-Identifier: Apache-2.0
import type { AskedWork, ParkedItem, ParkedWork, ReleaseReport } from '../parked-work.port.js';
import type { LogChannel } from './log-channel.js';
import { askedToWire, untilDone } from './upkeep-wire.js';

/** The parked work of the process that leads the log, over its gRPC door. */
export class GrpcParkedWork implements ParkedWork {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async list(): Promise<readonly ParkedItem[]> {
    return (await this.#channel.unary(this.#channel.client.listParked, {})).parked;
  }

  async release(key?: string, asked?: AskedWork): Promise<ReleaseReport> {
    if (asked === undefined) return this.#release(key, undefined);
    return untilDone(
      asked,
      async (now) => this.#release(key, now),
      ({ underWay }) => underWay === true,
    );
  }

  async #release(key: string | undefined, asked: AskedWork | undefined): Promise<ReleaseReport> {
    const answer = await this.#channel.unary(this.#channel.client.releaseParked, {
      key,
      asked: asked === undefined ? undefined : askedToWire(asked),
    });
    const { released, stillParked, underWay, position } = answer;
    return {
      released,
      stillParked,
      ...(underWay ? { underWay } : {}),
      ...(position === undefined ? {} : { position }),
    };
  }
}
