// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment } from '../testkit.config.js';
import { GitRepository, gitEnvironment } from './git-repository.js';
import { tempDir, type TempDir } from './temp-dir.js';

/** A request that the Git server has seen; never holds credentials. */
export interface GitRequest {
  readonly method: string;
  /** With the query, for example `/shop.git/info/refs?service=git-upload-pack`. */
  readonly path: string;
  readonly authorized: boolean;
}

/** An answer in place of Git's, to play a broken server. */
export interface GitFault {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GitServerOptions {
  /** Basic authentication that every request must carry. */
  readonly auth?: { readonly username: string; readonly password: string };
}

/** Bare repositories behind `git http-backend` (smart HTTP, fetch and push). */
export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly GitRequest[];
  /** A new bare repository at `<url>/<name>.git` whose default branch is `main`. */
  createRepository(name: string): Promise<GitRepository>;
  /** Answers requests itself as long as `fault` returns something; undefined removes it. */
  setFault(fault: ((request: GitRequest) => GitFault | undefined) | undefined): void;
}

const run = promisify(execFile);

function isAuthorized(request: IncomingMessage, auth: GitServerOptions['auth']): boolean {
  if (auth === undefined) return true;
  const expected = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return request.headers.authorization === `Basic ${expected}`;
}

/** The CGI variables that git-http-backend reads. */
function cgiEnvironment(request: IncomingMessage, root: string): NodeJS.ProcessEnv {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string): string => String(request.headers[name] ?? '');
  return childEnvironment({
    ...gitEnvironment,
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    REQUEST_METHOD: request.method ?? 'GET',
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: header('content-type'),
    CONTENT_LENGTH: header('content-length'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
    REMOTE_ADDR: '127.0.0.1',
    // http-backend allows pushes to whoever has a name.
    REMOTE_USER: 'test',
  });
}

function writeCgiHead(response: ServerResponse, head: string): void {
  let status = 200;
  for (const line of head.split(/\r?\n/)) {
    const at = line.indexOf(':');
    if (at < 0) continue;
    const name = line.slice(0, at);
    const value = line.slice(at + 1).trim();
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}

function serveCgi(request: IncomingMessage, response: ServerResponse, root: string): void {
  const child = spawn('git', ['http-backend'], {
    env: cgiEnvironment(request, root),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let head: Buffer | undefined = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = /\r?\n\r?\n/.exec(head.toString('latin1'));
    if (end === null) return;
    writeCgiHead(response, head.subarray(0, end.index).toString('latin1'));
    response.write(head.subarray(end.index + end[0].length));
    head = undefined;
  });
  child.once('error', () => response.destroy());
  child.once('close', () => {
    if (head !== undefined) response.writeHead(500);
    response.end();
  });
  // A client that hangs up, or a backend that has read enough, is not the server's failure.
  child.stdin.on('error', () => undefined);
  response.once('close', () => child.kill());
  request.pipe(child.stdin);
}

class OwnGitServer implements GitServer {
  readonly requests: GitRequest[] = [];
  readonly #server: Server;
  readonly #dir: TempDir;
  readonly #auth: GitServerOptions['auth'];
  #fault: ((request: GitRequest) => GitFault | undefined) | undefined;

  constructor(dir: TempDir, options: GitServerOptions) {
    this.#dir = dir;
    this.#auth = options.auth;
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the Git server is not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  setFault(fault: ((request: GitRequest) => GitFault | undefined) | undefined): void {
    this.#fault = fault;
  }

  async createRepository(name: string): Promise<GitRepository> {
    const dir = path.join(this.#dir.path, `${name}.git`);
    await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', dir], {
      env: childEnvironment(gitEnvironment),
    });
    // As the large hosts do: a commit can be fetched by its id.
    await run('git', ['-C', dir, 'config', 'uploadpack.allowAnySHA1InWant', 'true'], {
      env: childEnvironment(gitEnvironment),
    });
    await run('git', ['-C', dir, 'config', 'http.receivepack', 'true'], { env: childEnvironment(gitEnvironment) });
    return new GitRepository(name, dir, `${this.url}/${name}.git`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#dir[Symbol.asyncDispose]();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const seen: GitRequest = {
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      authorized: isAuthorized(request, this.#auth),
    };
    this.requests.push(seen);
    const fault = this.#fault?.(seen);
    if (fault !== undefined) {
      response.writeHead(fault.status, { ...fault.headers }).end(fault.body ?? '');
    } else if (!seen.authorized) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end('authentication required\n');
    } else {
      serveCgi(request, response, this.#dir.path);
    }
  }
}

/** Starts a Git server without repositories. */
export async function startGit(options: GitServerOptions = {}): Promise<GitServer> {
  const dir = await tempDir('git');
  const server = new OwnGitServer(dir, options);
  await server.listen();
  return server;
}
