// SPDX-License-Identifier: Apache-2.0
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { decide, login, pause, refresh, rollback, sync, version } from './commands/actions.js';
import { completion } from './commands/completion.js';
import { audit, events } from './commands/events.js';
import { get } from './commands/get.js';
import { doctor, type DoctorOptions } from './commands/doctor/doctor.js';
import { keygen, type KeygenOptions } from './commands/keygen.js';
import { addLogVerbs } from './commands/log/log.js';
import { apply, issueToken, remove } from './commands/resources.js';
import { demo, up } from './commands/server.js';
import { diff, history, plan, status } from './commands/status.js';
import { declareSubscription, deleteSubscription, replaySubscription } from './commands/subscriptions.js';
import { wait } from './commands/wait.js';
import { commandContext, type CommandContext, type GlobalOptions, OutputFormat } from './context.js';
import type { Terminal } from './output/terminal.js';
import type { Environment } from './profile.config.js';

/** Environment of the program. */
export interface ProgramEnvironment {
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Asks the user a question; absent without a terminal. */
  readonly ask?: (question: string) => Promise<string>;
  /** Receives the exit status of a program that a command ran. */
  readonly onExit: (code: number) => void;
}

/**
 * Returns the arguments with `plumb --version` (or `-V`) as the verb it stands for. Verbs have options of that name,
 * so it only counts first.
 */
export function withVersionOption(args: readonly string[]): readonly string[] {
  return args[0] === '--version' || args[0] === '-V' ? ['version', '--client', ...args.slice(1)] : args;
}

/** A non-negative whole number. */
function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('must be a whole number');
  return value;
}

function position(text: string): number {
  return text === '-1' ? -1 : whole(text);
}

function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Returns the command line `plumb` with all verbs, arguments and options. */
export function buildProgram(env: ProgramEnvironment): Command {
  const program = new Command('plumb')
    .description('plumb controls Plumbline, an event-sourced GitOps control plane for fleets of Kubernetes clusters.')
    .addOption(new Option('--server <url>', 'server URL (default: PLUMBLINE_SERVER, or the profile of "plumb login")'))
    .addOption(
      new Option(
        '--token <token>',
        'access token (default: PLUMBLINE_TOKEN, or the profile); a flag is visible to other users',
      ),
    )
    .addOption(
      new Option('-o, --output <format>', 'output format of reading verbs').choices([...OutputFormat]).default('table'),
    )
    .addHelpText('after', '\n"plumb --version" prints the version of the client.')
    .showHelpAfterError('See "plumb --help" for usage.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => env.terminal.out(text), writeErr: (text) => env.terminal.err(text) });
  const run =
    <Args extends unknown[]>(action: (context: CommandContext, ...args: Args) => Promise<unknown>) =>
    async (...args: Args): Promise<void> => {
      const options = program.opts<GlobalOptions>();
      await action(
        commandContext({
          terminal: env.terminal,
          environment: env.environment,
          nowMs: env.nowMs,
          signal: env.signal,
          options,
          ...(env.ask === undefined ? {} : { ask: env.ask }),
        }),
        ...args,
      );
    };
  addServerVerbs(program, env, run);
  addResourceVerbs(program, run);
  addSubscriptionVerbs(program, run);
  addReadingVerbs(program, run);
  addActionVerbs(program, run);
  addLogVerbs(program, run);
  program
    .command('completion')
    .description('print the completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action((shell: string) => env.terminal.out(completion(program, shell)));
  for (const command of program.commands) inheritOptions(program, command);
  return program;
}

/** Accepts the global options also after the verb. */
function inheritOptions(program: Command, command: Command): void {
  command.exitOverride();
  for (const option of program.options) {
    if (
      command.options.some(({ long, short }) => long === option.long || (short !== undefined && short === option.short))
    )
      continue;
    const copy = new Option(option.flags, option.description).hideHelp();
    if (option.argChoices !== undefined) copy.choices(option.argChoices);
    command.addOption(copy);
    command.on(`option:${copy.name()}`, (value: unknown) => program.setOptionValue(copy.attributeName(), value));
  }
  for (const child of command.commands) inheritOptions(program, child);
}

type Run = <Args extends unknown[]>(
  action: (context: CommandContext, ...args: Args) => Promise<unknown>,
) => (...args: Args) => Promise<void>;

function addServerVerbs(program: Command, env: ProgramEnvironment, run: Run): void {
  program
    .command('up')
    .description('run all services in one process with an embedded database')
    .option('--data-dir <dir>', 'data directory (default: PLUMBLINE_DATA_DIR, or ~/.local/share/plumbline)')
    .option('--listen <host:port>', 'address of the REST API', '127.0.0.1:8080')
    .option('--grpc <host:port>', 'address of the gRPC API', '127.0.0.1:8081')
    .option(
      '--health-listen <host:port>',
      'address of /healthz, /readyz and /metrics (default: PLUMBLINE_HEALTH_LISTEN, or a free port)',
    )
    .action(run(async (context, options: Parameters<typeof up>[1]) => env.onExit(await up(context, options))));
  program
    .command('demo')
    .description('run a demo of one change on a separate server')
    .option('--exit', 'exit after the demo')
    .option('--context <name>', 'use a kubeconfig context instead of two simulated clusters')
    .option('--kubeconfig <file>', 'kubeconfig file for --context')
    .option('--data-dir <dir>', 'data directory of the demo')
    .action(run(async (context, options: Parameters<typeof demo>[1]) => env.onExit(await demo(context, options))));
  program
    .command('login')
    .description('store a server and a token in the profile')
    .argument('<server>')
    .option('--token-stdin', 'read the token from standard input')
    .action(run((context, server: string, options: { tokenStdin?: boolean }) => login(context, server, options)));
  program
    .command('keygen')
    .description('create the key files of a distributed installation')
    .requiredOption('--dir <dir>', 'output directory')
    .option(
      '--tls-name <dns>',
      'further DNS name of the log for its TLS certificate; repeatable',
      (value: string, all: string[]) => [...all, value],
      [],
    )
    .option('--origin <name>', 'PLUMBLINE_LOG_ORIGIN of the installation, where it is set')
    .option(
      '--service <service>',
      'only a new credential for this service, signed by the services.key of the directory',
    )
    .option('--valid-for <duration>', 'time after which the credentials expire, for example 2160h')
    .action(run(async (context, options: KeygenOptions) => keygen(context, options)));
  program
    .command('doctor')
    .description('check the databases and key files of a distributed installation')
    .option('--log-database <url>', 'PostgreSQL URL as audit uses it (default: $PLUMBLINE_LOG_URL)')
    .option(
      '--object-store <url>',
      'PostgreSQL URL as the other services use it (default: $PLUMBLINE_OBJECT_STORE_URL)',
    )
    .option('--keys <dir>', 'directory with the files of "plumb keygen"')
    .action(run(async (context, options: DoctorOptions) => doctor(context, options)));
  program
    .command('version')
    .description('print the versions of client and server')
    .option('--client', 'print the client version only')
    .action(run((context, options: { client?: boolean }) => version(context, options)));
}

function addResourceVerbs(program: Command, run: Run): void {
  program
    .command('apply')
    .description('create or update resources, and print the changes')
    .requiredOption('-f, --filename <path>', 'file, directory, or - for standard input (repeatable)', list)
    .option('--prune', 'remove resources that have the label of --selector and are not in the files')
    .option('-l, --selector <key=value>', 'label of the resources that --prune may remove')
    .option('--dry-run', 'validate and compare only')
    .action(run((context, options: Parameters<typeof apply>[1]) => apply(context, options)));
  program
    .command('delete')
    .description('remove an application, cluster, repository, project or subscription')
    .argument('<kind>')
    .argument('<name>')
    .option('--orphan', 'keep the objects of an application on the clusters')
    .option('--force', 'remove a cluster although it may still have managed objects')
    .action(
      run((context, kind: string, name: string, options: { orphan?: boolean; force?: boolean }) =>
        remove(context, kind, name, options),
      ),
    );
  const token = program.command('token').description('manage access tokens (admin)');
  token
    .command('issue')
    .description('issue a token and print it once')
    .argument('<name>')
    .addOption(new Option('--role <role>').choices(['viewer', 'operator', 'admin']).makeOptionMandatory())
    .option('--email <address>', "e-mail address of the holder's commits (repeatable)", list)
    .option('--expires-in <duration>', 'lifetime, for example 720h')
    .action(
      run((context, name: string, options: Parameters<typeof issueToken>[2]) => issueToken(context, name, options)),
    );
  withPointInTime(token.command('list').description('list tokens')).action(
    run((context, options: Parameters<typeof get>[3]) => get(context, 'tokens', undefined, options)),
  );
  token
    .command('revoke')
    .description('revoke a token')
    .argument('<id>')
    .action(
      run(async (context, id: string) => {
        const { action } = await context.client().revokeToken(id);
        context.terminal.out(`token ${id} ${action}\n`);
      }),
    );
}

/** Adds the options of verbs that can read past states. */
function withPointInTime(command: Command): Command {
  return command
    .option('--as-of <position|time>', 'read the state at a position, or what had happened by an RFC 3339 time')
    .option('--known-at <position|time>', 'use only events recorded up to a position or an RFC 3339 time');
}

function addSubscriptionVerbs(program: Command, run: Run): void {
  const subscription = program.command('subscription').description('manage webhook subscriptions (admin)');
  subscription
    .command('declare')
    .description('create or update a subscription; to keep it in files, apply a resource of kind Subscription')
    .argument('<name>')
    .requiredOption('--url <url>', 'URL of the endpoint; the gateway must allow its host')
    .option('--secret-file <path>', 'file on the gateway with the signing secret')
    .option('--secret-env <name>', 'environment variable of the gateway with the signing secret, PLUMBLINE_CRED_…')
    .option('--after <position>', 'start after this position', position)
    .option('--paused', 'pause deliveries until the subscription is declared without this option')
    .option('--type <type>', 'only this type (repeatable)', list)
    .option('--application <name>')
    .option('--project <name>')
    .option('-e, --environment <name>')
    .option('--cluster <name>')
    .option('--actor <name>')
    .option('--max-attempts <n>', 'attempts before a delivery is dead-lettered', whole)
    .option('--timeout <duration>', 'time limit of one attempt')
    .action(
      run((context, name: string, options: Parameters<typeof declareSubscription>[2]) =>
        declareSubscription(context, name, options),
      ),
    );
  subscription
    .command('delete')
    .description('delete a subscription')
    .argument('<name>')
    .action(run((context, name: string) => deleteSubscription(context, name)));
  subscription
    .command('replay')
    .description('deliver events again, including dead-lettered ones')
    .argument('<name>')
    .requiredOption('--after <position>', 'start after this position', position)
    .action(run((context, name: string, options: { after: number }) => replaySubscription(context, name, options)));
}

function addReadingVerbs(program: Command, run: Run): void {
  withPointInTime(program.command('get'))
    .description(
      'list applications, versions, targets, clusters, repositories, approvals, projects, subscriptions or tokens',
    )
    .argument('<kind>')
    .argument('[name]')
    .option('--project <name>')
    .option('-e, --environment <name>')
    .option('--cluster <name>')
    .action(
      run((context, kind: string, name: string | undefined, options: Parameters<typeof get>[3]) =>
        get(context, kind, name, options),
      ),
    );
  withPointInTime(program.command('status'))
    .description('show the state of an application, its environments and targets')
    .argument('<application>')
    .action(
      run((context, application: string, options: Parameters<typeof status>[2]) =>
        status(context, application, options),
      ),
    );
  withPointInTime(program.command('history'))
    .description('list versions with decisions and outcomes, newest first')
    .argument('<application>')
    .option('--limit <n>', 'maximum number of versions', whole, 20)
    .action(
      run((context, application: string, options: Parameters<typeof history>[2]) =>
        history(context, application, options),
      ),
    );
  withPointInTime(program.command('diff'))
    .description('show the difference between two versions (default: released and newest), or from the clusters')
    .argument('<application>')
    .option('--from <version>', 'older version', whole)
    .option('--to <version>', 'newer version', whole)
    .option('--live', 'compare with the clusters by dry-run')
    .option('-e, --environment <name>')
    .action(
      run((context, application: string, options: Parameters<typeof diff>[2]) => diff(context, application, options)),
    );
  program
    .command('plan')
    .description('show what a sync would change, by dry-run')
    .argument('<application>')
    .option('-e, --environment <name>')
    .option('--version <version>', 'version to plan, also if it is not released', whole)
    .action(
      run((context, application: string, options: Parameters<typeof plan>[2]) => plan(context, application, options)),
    );
  withPointInTime(program.command('events'))
    .description('list or follow events')
    .option('-f, --follow', 'follow new events until interrupted')
    .option('--after <position>', 'start after this position', position)
    .option('--type <type>', 'only this type (repeatable)', list)
    .option('--application <name>', 'only this application')
    .option('--project <name>', 'only this project')
    .option('-e, --environment <name>')
    .option('--cluster <name>')
    .option('--actor <name>')
    .option('--limit <n>', 'maximum number of events without --follow', whole, 1000)
    .action(run((context, options: Parameters<typeof events>[1]) => events(context, options)));
  withPointInTime(program.command('audit'))
    .description('search the log by actor, type, object and time, newest first')
    .option('--actor <name>')
    .option('--type <type>')
    .option('--application <name>')
    .option('-e, --environment <name>')
    .option('--cluster <name>')
    .option('--correlation <id>')
    .option('--since <time>', 'RFC 3339')
    .option('--until <time>', 'RFC 3339')
    .addOption(new Option('--order <order>').choices(['asc', 'desc']).default('desc'))
    .option('--limit <n>', 'maximum number of events', whole, 100)
    .action(
      run((context, { correlation, ...query }: Parameters<typeof audit>[1] & { correlation?: string }) =>
        audit(context, { ...query, ...(correlation === undefined ? {} : { correlationId: correlation }) }),
      ),
    );
  program
    .command('wait')
    .description('wait until an application is synced or healthy')
    .argument('<application>')
    .option('--commit <sha>', 'at the version of this commit')
    .option('--version <version>', 'at this version or a later one', whole)
    .addOption(new Option('--for <state>').choices(['synced', 'healthy']).default('healthy'))
    .option('-e, --environment <name>')
    .option('--timeout <duration>', 'for example 5m', '5m')
    .action(
      run((context, application: string, options: Parameters<typeof wait>[2]) => wait(context, application, options)),
    );
}

function addActionVerbs(program: Command, run: Run): void {
  for (const verdict of ['approve', 'reject'] as const) {
    program
      .command(verdict)
      .description(`${verdict} a version that waits for approval`)
      .argument('<application>')
      .argument('<version>', 'version number', whole)
      .option('-e, --environment <name>')
      .option('--comment <text>')
      .action(
        run((context, application: string, number: number, options: { environment?: string; comment?: string }) =>
          decide(context, verdict, application, { version: number, ...options }),
        ),
      );
  }
  program
    .command('sync')
    .description('sync an application now, also after failures')
    .argument('<application>')
    .option('-e, --environment <name>')
    .option('--cluster <name>')
    .option('--confirm-prune', 'confirm deletions that a guard refused')
    .action(
      run((context, application: string, options: Parameters<typeof sync>[2]) => sync(context, application, options)),
    );
  program
    .command('rollback')
    .description('release a version that ran before')
    .argument('<application>')
    .requiredOption('--to <version>', 'version', whole)
    .option('-e, --environment <name>')
    .option('--reason <text>')
    .action(
      run((context, application: string, options: Parameters<typeof rollback>[2]) =>
        rollback(context, application, options),
      ),
    );
  program
    .command('suspend')
    .description('suspend syncing an application: the applier only observes')
    .argument('<application>')
    .option('--reason <text>')
    .action(
      run((context, application: string, options: { reason?: string }) =>
        pause(context, 'suspend', application, options.reason),
      ),
    );
  program
    .command('resume')
    .description('resume syncing an application')
    .argument('<application>')
    .action(run((context, application: string) => pause(context, 'resume', application)));
  program
    .command('refresh')
    .description('fetch a repository now')
    .argument('<repository>')
    .action(run((context, repository: string) => refresh(context, repository)));
}
