// SPDX-License-Identifier: Apache-2.0
import type { handleUnaryCall } from '@grpc/grpc-js';
import type { LogTree } from '@plumbline/event-log';
import type { LogTreeServer } from '@plumbline/event-log/client';

/** Makes a unary handler: checks the token, maps errors. */
export type UnaryMaker = <Request, Response>(
  answer: (request: Request) => Promise<Response>,
) => handleUnaryCall<Request, Response>;

/** The tree of the log at the door. */
export function treeHandlers(tree: LogTree, unary: UnaryMaker): LogTreeServer {
  return {
    identity: unary(async () => {
      const { origin, verifierKey, witnessKeys } = await tree.identity();
      return { origin, verifierKey, witnessKeys: [...witnessKeys] };
    }),
    checkpoint: unary(async ({ witnessed, minSize }) => ({
      note: await tree.checkpoint({ witnessed, ...(minSize === undefined ? {} : { minSize }) }),
    })),
    tile: unary(async ({ level, index, width }) => ({ hashes: await tree.tile({ level, index, width }) })),
    entries: unary(async ({ index, width }) => ({ bundle: await tree.entries({ index, width }) })),
    inclusion: unary(async ({ position, size }) => {
      const answer = await tree.inclusion(position, size);
      return { ...answer, proof: [...answer.proof] };
    }),
    consistency: unary(async ({ from, to }) => {
      const answer = await tree.consistency(from, to);
      return { ...answer, proof: [...answer.proof] };
    }),
  };
}
