// SPDX-License-Identifier: Apache-2.0
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { describeWith } from '../vitest/index.js';
import { startNats, type NatsFlavour } from './nats.js';

const flavours: readonly { flavour: NatsFlavour; version: RegExp }[] = [
  { flavour: 'oldest', version: /^2\.9\./ },
  { flavour: 'newest', version: /^2\.15\.2$/ },
];

for (const { flavour, version } of flavours) {
  describeWith(`nats:${flavour}`, `nats-server ${flavour}`, () => {
    it('stores messages that survive a kill and a restart on the same port', async () => {
      await using server = await startNats({ flavour });
      expect(server.version).toMatch(version);
      const before = await connect({ servers: server.url, reconnect: false });
      await (await jetstreamManager(before)).streams.add({ name: 'T', subjects: ['t.>'] });
      await jetstream(before).publish('t.one', 'hello');
      await before.close();
      await server.kill();
      await expect(connect({ servers: server.url, reconnect: false, timeout: 60_000 })).rejects.toThrow();
      await server.start();
      const after = await connect({ servers: server.url, reconnect: false });
      expect((await (await jetstreamManager(after)).streams.info('T')).state.messages).toBe(1);
      await after.close();
    });
  });
}
