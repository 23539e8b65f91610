// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const LOOK_MS = 50;

/**
 * Lets an HTTP server end without waiting for connections that carry no request. Node's `closeIdleConnections` does
 * not count those that
 * never carried one, and clients open such in advance (browsers, and undici after an aborted stream): they would hold
 * up a stop for seconds.
 */
export class UnusedConnections {
  readonly #unused = new Set<Socket>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#unused.add(socket);
      socket.once('close', () => this.#unused.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#unused.delete(socket);
      response.once('close', () => {
        if (!socket.destroyed) this.#unused.add(socket);
      });
    });
  }

  /** Ends them now and as they appear, until the function that is returned is called. */
  end(): () => void {
    const endAll = (): void => {
      // What was written is still sent.
      for (const socket of this.#unused) socket.destroySoon();
    };
    endAll();
    const timer = setInterval(endAll, LOOK_MS);
    return () => clearInterval(timer);
  }
}
