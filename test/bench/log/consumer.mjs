// SPDX-License-Identifier: Apache-2.0
// The consumer in another process: subscribes at the door of the log and tells how long events were on their way.
import { GrpcEventLog, LogChannel } from '@plumbline/event-log/client';

const [url = '', token = ''] = process.argv.slice(2);
const log = new GrpcEventLog(new LogChannel({ url, token }));
let latencies = [];
let next = 0;
let wake = () => undefined;
let leave = new AbortController();

async function follow(from) {
  leave.abort();
  leave = new AbortController();
  latencies = [];
  for await (const page of log.subscribe({ from, signal: leave.signal })) {
    const now = performance.timeOrigin + performance.now();
    for (const event of page.events) latencies.push(now - Number(event.data.labels.sentAt));
    next = page.nextPosition;
    wake();
  }
}

async function answer(message) {
  if (message.what === 'start') {
    next = message.from;
    void follow(message.from);
    process.send({ what: 'start' });
  } else if (message.what === 'report') {
    while (next < message.until) await new Promise((resolve) => (wake = resolve));
    process.send({ what: 'report', latencies });
  }
}

process.on('message', (message) => void answer(message));
process.send({ what: 'ready' });
