// SPDX-License-Identifier: Apache-2.0
import type { ParkedItem, ParkedWork, ReleaseReport } from '../parked-work.port.js';
import type { LogChannel } from './log-channel.js';

/** The parked work of the process that leads the log, over its gRPC door. */
export class GrpcParkedWork implements ParkedWork {
  constructor(private readonly channel: LogChannel) {}

  async list(): Promise<readonly ParkedItem[]> {
    return (await this.channel.unary(this.channel.client.listParked, {})).parked;
  }

  async release(key?: string): Promise<ReleaseReport> {
    return this.channel.unary(this.channel.client.releaseParked, { key });
  }
}
