// SPDX-License-Identifier: Apache-2.0
import { promisify } from 'node:util';
import { type CallOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { sampleAppend } from '@plumbline/event-log/testing';
import {
  bundlePath,
  decodeBundle,
  Frontier,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  tilePath,
  tilesOf,
  tileWidth,
  treeRoot,
  type VerifierKey,
  verifyConsistency,
  verifyInclusion,
} from '@plumbline/merkle';
import { LogClient } from '../testing/grpc-clients.fixture.js';
import { type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';

async function fill(gateway: GatewayUnderTest, events: number): Promise<void> {
  let last = 0;
  for (let index = 0; index < events; index += 1)
    last = (await gateway.log.append(sampleAppend(`project-web-${index % 3}`))).lastPosition;
  await gateway.access.folded(last);
}

function auth(token: string): RequestInit {
  return { headers: { authorization: `Bearer ${token}` } };
}

async function json<T>(gateway: GatewayUnderTest, path: string): Promise<T> {
  const response = await fetch(gateway.url + path, auth(gateway.adminToken));
  expect(response.status, path).toBe(200);
  return (await response.json()) as T;
}

async function keyOf(gateway: GatewayUnderTest): Promise<VerifierKey> {
  return parseVerifierKey((await json<{ verifierKey: string }>(gateway, '/api/v1/log')).verifierKey);
}

const hashes = (list: readonly string[]): readonly Buffer[] => list.map((text) => Buffer.from(text, 'base64'));
const prefix = '/log/plumbline.test/gateway/';

describe('the files of the log', () => {
  it('are a whole C2SP tlog-tiles log: from the checkpoint to every event', async () => {
    await using gateway = await startGateway();
    await fill(gateway, 300);
    const response = await fetch(`${gateway.url}${prefix}checkpoint`);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const checkpoint = openCheckpoint(await response.text(), await keyOf(gateway));
    expect(checkpoint.size).toBeGreaterThanOrEqual(300);
    const read = async (path: string): Promise<Buffer> => {
      const answer = await fetch(gateway.url + prefix + path, auth(gateway.adminToken));
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/octet-stream');
      return Buffer.from(await answer.arrayBuffer());
    };
    expect(await treeRoot(checkpoint.size, (tile) => read(tilePath(tile)))).toEqual(checkpoint.root);
    let frontier = Frontier.empty;
    for (let index = 0; index * 256 < checkpoint.size; index += 1) {
      const bundle = { index, width: tileWidth(0, index, checkpoint.size) };
      frontier = frontier.append(decodeBundle(bundle, await read(bundlePath(bundle))).map((entry) => leafHash(entry)));
    }
    expect(frontier.root()).toEqual(checkpoint.root);
    for (const tile of tilesOf(checkpoint.size)) await read(tilePath(tile));
  });

  it('may be kept for ever when they are whole, and asked for again cheaply when they move', async () => {
    await using gateway = await startGateway();
    await fill(gateway, 257);
    const tile = await fetch(`${gateway.url}${prefix}tile/0/000`);
    expect(tile.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const partial = await fetch(`${gateway.url}${prefix}tile/0/001.p/1`);
    expect(partial.headers.get('cache-control')).toBe('public, max-age=300');
    const entries = await fetch(`${gateway.url}${prefix}tile/entries/000`, auth(gateway.adminToken));
    expect(entries.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    expect(entries.headers.get('vary')).toContain('authorization');
    const first = await fetch(`${gateway.url}${prefix}checkpoint`);
    expect(first.headers.get('cache-control')).toBe('public, no-cache');
    const again = await fetch(`${gateway.url}${prefix}checkpoint`, {
      headers: { 'if-none-match': first.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
  });

  it('show events to those only who may read them, unless that is wanted', async () => {
    await using closed = await startGateway({ source: { PLUMBLINE_GATEWAY_LOG_PUBLIC: 'nothing' } });
    await using normal = await startGateway();
    await using open = await startGateway({ source: { PLUMBLINE_GATEWAY_LOG_PUBLIC: 'everything' } });
    const status = async (gateway: GatewayUnderTest, file: string, token?: string): Promise<number> =>
      (await fetch(gateway.url + prefix + file, token === undefined ? {} : auth(token))).status;
    for (const gateway of [closed, normal, open]) await fill(gateway, 1);
    expect([
      await status(closed, 'checkpoint'),
      await status(closed, 'tile/0/000.p/1'),
      await status(closed, 'tile/entries/000.p/1'),
    ]).toEqual([401, 401, 401]);
    expect([
      await status(normal, 'checkpoint'),
      await status(normal, 'tile/0/000.p/1'),
      await status(normal, 'tile/entries/000.p/1'),
    ]).toEqual([200, 200, 401]);
    expect([
      await status(open, 'checkpoint'),
      await status(open, 'tile/0/000.p/1'),
      await status(open, 'tile/entries/000.p/1'),
    ]).toEqual([200, 200, 200]);
    expect(await status(normal, 'tile/entries/000.p/1', await normal.tokenOf('viewer'))).toBe(200);
    expect(await status(normal, 'tile/entries/000.p/1', 'plumb_wrong')).toBe(401);
    // What is not a file tells nothing either.
    expect(await status(normal, 'anything')).toBe(401);
  });

  it.each([
    '/log/plumbline.test/other/checkpoint',
    '/log/checkpoint',
    '/log/plumbline.test/gateway/tile/0/0',
    '/log/plumbline.test/gateway/tile/0/999',
    '/log/plumbline.test/gateway/tile/0/000.p/256',
    '/log/plumbline.test/gateway/checkpoint.witnessed',
    '/log/plumbline.test/gateway/../gateway/tile/9/000',
  ])('%s is none', async (path) => {
    await using gateway = await startGateway();
    const response = await fetch(gateway.url + path, auth(gateway.adminToken));
    expect(response.status).toBe(404);
    expect(['PLB-3150', 'PLB-3151', 'PLB-1711', 'PLB-3109']).toContain(
      ((await response.json()) as { readonly code: string }).code,
    );
  });
});

describe('proofs over REST and gRPC', () => {
  it('verify, and lead to a checkpoint when no size is given', async () => {
    await using gateway = await startGateway();
    await fill(gateway, 20);
    const key = await keyOf(gateway);
    const answer = await json<{ position: number; size: number; leaf: string; hashes: string[]; checkpoint: string }>(
      gateway,
      '/api/v1/log/proofs/inclusion?position=7',
    );
    const checkpoint = openCheckpoint(answer.checkpoint, key);
    expect(checkpoint.size).toBe(answer.size);
    expect(Buffer.from(answer.leaf, 'base64')).toEqual(leafHash(gateway.log.bodyAt(7) ?? ''));
    expect(
      verifyInclusion({
        ...answer,
        leaf: Buffer.from(answer.leaf, 'base64'),
        proof: hashes(answer.hashes),
        root: checkpoint.root,
      }),
    ).toBe(true);
    const older = await json<{ hashes: string[]; from: number; to: number; checkpoint: string }>(
      gateway,
      '/api/v1/log/proofs/consistency?from=5',
    );
    const newer = openCheckpoint(older.checkpoint, key);
    const fromRoot = await treeRoot(5, async (tile) =>
      Buffer.from(await (await fetch(gateway.url + prefix + tilePath(tile))).arrayBuffer()),
    );
    expect(
      verifyConsistency({ from: 5, to: older.to, fromRoot, toRoot: newer.root, proof: hashes(older.hashes) }),
    ).toBe(true);
    expect(await json(gateway, '/api/v1/log/proofs/inclusion?position=7&size=8')).not.toHaveProperty('checkpoint');
  });

  it('are refused with a reason for what is not in the log', async () => {
    await using gateway = await startGateway();
    await fill(gateway, 3);
    const code = async (path: string): Promise<unknown> => {
      const response = await fetch(`${gateway.url}/api/v1/log/${path}`, auth(gateway.adminToken));
      return [response.status, ((await response.json()) as { readonly code: string }).code];
    };
    expect(await code('proofs/inclusion?position=9&size=4')).toEqual([400, 'PLB-1162']);
    expect(await code('proofs/inclusion?position=99')).toEqual([404, 'PLB-3151']);
    expect(await code('proofs/inclusion?position=0&size=99')).toEqual([404, 'PLB-3150']);
    expect(await code('proofs/consistency?from=3&to=2')).toEqual([400, 'PLB-1162']);
    expect(await code('proofs/consistency')).toEqual([400, 'PLB-1701']);
    expect(await code('checkpoint?witnessed=true')).toEqual([404, 'PLB-3151']);
  });

  it('are the same over gRPC', async () => {
    await using gateway = await startGateway();
    await fill(gateway, 20);
    const client = new LogClient(gateway.grpcAddress, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${gateway.adminToken}`);
    type Method<Request, Response> = (
      request: Request,
      metadata: Metadata,
      options: Partial<CallOptions>,
      callback: (error: ServiceError | null, response: Response) => void,
    ) => unknown;
    const call = <Request, Response>(method: Method<Request, Response>, request: Request): Promise<Response> =>
      promisify((done: (error: ServiceError | null, response: Response) => void) =>
        method.call(client, request, metadata, {}, done),
      )() as Promise<Response>;
    try {
      const identity = await call(client.getLogIdentity, {});
      const key = parseVerifierKey(identity.verifierKey);
      const inclusion = await call(client.getInclusionProof, { position: 7, size: undefined });
      const checkpoint = openCheckpoint(inclusion.checkpoint, key);
      expect(verifyInclusion({ ...inclusion, proof: inclusion.hashes, root: checkpoint.root })).toBe(true);
      const shown = await call(client.getCheckpoint, { minSize: 20, witnessed: false });
      expect(openCheckpoint(shown.note, key)).toMatchObject({
        origin: shown.origin,
        size: shown.size,
        root: shown.root,
      });
      const consistency = await call(client.getConsistencyProof, { from: 3, to: 7 });
      expect(consistency).toMatchObject({ from: 3, to: 7, checkpoint: '' });
      await expect(call(client.getInclusionProof, { position: 9, size: 4 })).rejects.toMatchObject({ code: 3 });
    } finally {
      client.close();
    }
  });
});
