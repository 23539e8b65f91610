// SPDX-License-Identifier: Apache-2.0
import { type ErrorCodeOf, UpstreamError } from '@plumbline/core';
import { GitError, simpleGit, type SimpleGit } from 'simple-git';
import { maskGitText } from './git-url.js';

/** Environment and limits of every Git process. */
export interface GitProcessOptions {
  /** Variables that Git may inherit: PATH, proxies, CA files. See {@link gitVariables}. */
  readonly variables: Readonly<Record<string, string>>;
  /** A Git process is stopped after this time. Default 120,000. */
  readonly timeoutMs?: number;
  /** A Git process is stopped when it writes more. Default 256 MiB. */
  readonly maxOutputBytes?: number;
}

/** Options of one command. */
export interface GitCommandOptions {
  readonly input?: string;
  /** Configuration, passed in the environment: unlike a command line it may contain secrets. */
  readonly config?: readonly (readonly [string, string])[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Masked in every error. */
  readonly secrets?: readonly string[];
  readonly signal?: AbortSignal;
}

const INHERITED = [
  'PATH',
  'TMPDIR',
  'http_proxy',
  'https_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'no_proxy',
  'NO_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'SSH_AUTH_SOCK',
];

/** Returns the variables of an environment that Git may inherit. */
export function gitVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const given = INHERITED.flatMap((name) =>
    environment[name] === undefined ? [] : [[name, environment[name]] as const],
  );
  return { PATH: '/usr/local/bin:/usr/bin:/bin', ...Object.fromEntries(given) };
}

// No prompt, no configuration of the machine or its user, no helper, no hook; only these transports.
const BASE_VARIABLES: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ALLOW_PROTOCOL: 'http:https:ssh:file',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
};
const BASE_CONFIG: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['credential.helper', ''],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  ['transfer.fsckObjects', 'false'],
  ['http.lowSpeedLimit', '1'],
  ['http.lowSpeedTime', '30'],
  ['http.followRedirects', 'initial'],
  ['protocol.version', '2'],
];

/** A Git process failed. The message is masked. */
export class GitExit extends GitError {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(undefined, message);
  }
}

/** A Git process was stopped. */
export class GitStopped extends Error {
  constructor(readonly reason: 'Timeout' | 'Cancelled' | 'TooLarge') {
    super(reason);
  }
}

const STOPPED: Readonly<Record<GitStopped['reason'], string>> = {
  Timeout: 'Git did not finish in time; check the server, or raise PLUMBLINE_GIT_TIMEOUT_SECONDS',
  Cancelled: 'the operation was cancelled',
  TooLarge: 'Git returned more data than the limit allows',
};

const FAILURES: readonly {
  readonly pattern: RegExp;
  readonly code: ErrorCodeOf<'upstream'>;
  readonly reason: string;
  readonly what: string;
  readonly retry: 'never' | 'after-delay';
}[] = [
  {
    pattern:
      /authentication failed|could not read (username|password)|permission denied|returned error: (401|403)|invalid credentials|access denied/i,
    code: 'PLB-6302',
    reason: 'AuthenticationFailed',
    what: 'the Git server rejected the credentials; check the credentials of the Repository',
    retry: 'after-delay',
  },
  {
    pattern: /host key verification failed|certificate|ssl/i,
    code: 'PLB-6307',
    reason: 'UntrustedServer',
    what: 'the identity of the Git server could not be verified; check its certificate or the known_hosts file',
    retry: 'after-delay',
  },
  {
    pattern: /not found|does not appear to be a git repository|does not exist|returned error: 404|no such file/i,
    code: 'PLB-6303',
    reason: 'RepositoryNotFound',
    what: 'the repository does not exist, or the credentials have no access to it',
    retry: 'after-delay',
  },
  {
    pattern:
      /could not resolve|refused|unable to access|failed to connect|couldn't connect|timed out|connection|early eof|hung up|remote end|returned error: 5/i,
    code: 'PLB-6301',
    reason: 'Unreachable',
    what: 'the Git server is not reachable; check the URL, the network and the proxy settings',
    retry: 'after-delay',
  },
];

/** Lines that Git adds to the messages of ssh, and the frame that ssh draws around warnings. */
const BOILERPLATE =
  /^(@*|fatal: Could not read from remote repository\.|Please make sure you have the correct access rights|and the repository exists\.)$/;

/**
 * Converts an error of Git to an UpstreamError PLB-6301…6307 that names the repository; `details.reason` is one word.
 */
export function upstreamError(error: unknown, url: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const text = error instanceof Error ? maskGitText(error.message) : 'unknown failure';
  if (error instanceof GitStopped)
    return new UpstreamError('PLB-6304', `${url}: ${STOPPED[error.reason]}`, {
      retry: error.reason === 'TooLarge' ? 'never' : 'after-delay',
      details: { reason: error.reason },
    });
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !BOILERPLATE.test(line));
  // A warning, for example about a missing key file, is not the cause of the failure.
  const said = lines.filter((line) => !line.startsWith('Warning:')).join('\n');
  const failure = FAILURES.find(({ pattern }) => pattern.test(said));
  const detail = lines.slice(-3).join('; ');
  if (failure === undefined)
    return new UpstreamError('PLB-6305', `${url}: Git failed: ${detail}`, { details: { reason: 'GitFailed' } });
  return new UpstreamError(failure.code, `${url}: ${failure.what} (${detail})`, {
    retry: failure.retry,
    details: { reason: failure.reason },
  });
}

/** Runs Git commands in one directory. */
export interface Git {
  /** Returns the output as text. @throws GitExit, GitStopped; convert them with {@link upstreamError}. */
  text(args: readonly string[], options?: GitCommandOptions): Promise<string>;
  /** Returns the raw output of `git cat-file`. */
  catFile(args: readonly string[], options?: GitCommandOptions): Promise<Buffer>;
}

/** Runs Git through simple-git: without a shell, with a closed environment and limits. */
export class GitCommand implements Git {
  readonly #gitProcess: GitProcessOptions;

  constructor(
    readonly directory: string,
    gitProcess: GitProcessOptions,
  ) {
    this.#gitProcess = gitProcess;
  }

  async text(args: readonly string[], options: GitCommandOptions = {}): Promise<string> {
    return this.#run(options, (git) => git.raw([...args]));
  }

  async catFile(args: readonly string[], options: GitCommandOptions = {}): Promise<Buffer> {
    return this.#run(options, async (git) => Buffer.from((await git.binaryCatFile([...args])) as Uint8Array));
  }

  async #run<Result>(options: GitCommandOptions, task: (git: SimpleGit) => PromiseLike<Result>): Promise<Result> {
    const stop = new AbortController();
    const end = (reason: GitStopped['reason']): void => stop.abort(new GitStopped(reason));
    const timer = setTimeout(() => end('Timeout'), this.#gitProcess.timeoutMs ?? 120_000);
    const cancel = (): void => end('Cancelled');
    options.signal?.addEventListener('abort', cancel, { once: true });
    if (options.signal?.aborted === true) cancel();
    // The exit of Git is not awaited: a transport process of it may keep the pipes open while the server is silent.
    const stopped = new Promise<never>((_, reject) => {
      if (stop.signal.aborted) reject(stop.signal.reason);
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true });
    });
    const work = Promise.resolve(task(this.#git(options, stop.signal, () => end('TooLarge'))));
    work.catch(() => undefined);
    try {
      return await Promise.race([work, stopped]);
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', cancel);
    }
  }

  #git(options: GitCommandOptions, stop: AbortSignal, tooLarge: () => void): SimpleGit {
    const variables = this.#variables(options);
    const maxOutputBytes = this.#gitProcess.maxOutputBytes ?? 256 * 1024 * 1024;
    const git = simpleGit({
      baseDir: this.directory,
      abort: stop,
      completion: { onClose: true, onExit: false },
      allowEnvironment: Object.keys(variables),
      // simple-git guards against untrusted text on the command line; all of these values are set here.
      unsafe: {
        allowUnsafeConfigEnvCount: true,
        allowUnsafeConfigPaths: true,
        allowUnsafeSshCommand: true,
        allowUnsafeHooksPath: true,
        allowUnsafeFsMonitor: true,
        allowUnsafeCredentialHelper: true,
        allowUnsafeTemplateDir: true,
        allowUnsafeProtocolOverride: true,
      },
      errors: (error, result) => {
        if (result.exitCode === 0) return undefined;
        const text = Buffer.concat(result.stdErr).toString('utf8');
        return new GitExit(
          result.exitCode,
          maskGitText(
            text === '' && error !== undefined && !Buffer.isBuffer(error) ? error.message : text,
            options.secrets,
          ),
        );
      },
      ...(options.input === undefined ? {} : { input: () => options.input }),
    });
    let bytes = 0;
    return git.env(variables).outputHandler((_command, stdout) => {
      stdout.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxOutputBytes) tooLarge();
      });
    });
  }

  #variables(options: GitCommandOptions): Record<string, string> {
    const config = [...BASE_CONFIG, ...(options.config ?? [])];
    const variables: Record<string, string> = {
      ...this.#gitProcess.variables,
      ...BASE_VARIABLES,
      ...options.variables,
      HOME: this.directory,
      GIT_CONFIG_COUNT: String(config.length),
    };
    for (const [index, [key, value]] of config.entries()) {
      variables[`GIT_CONFIG_KEY_${index}`] = key;
      variables[`GIT_CONFIG_VALUE_${index}`] = value;
    }
    return variables;
  }
}
