// SPDX-License-Identifier: Apache-2.0
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { dataDirectory } from '@plumbline/core';

/** Options of the process. */
export interface ProcessOptions {
  readonly directory: string;
  readonly clusters: readonly { readonly name: string; readonly port: number | undefined }[];
  /** End when standard input ends. */
  readonly exitWithStdin: boolean;
}

/** Text of `--help`. */
export const HELP = `plumbline-simulated-cluster [--dir DIR] [--cluster NAME[=PORT]]...

Serves simulated Kubernetes clusters on 127.0.0.1. Each has a kubeconfig (mode 0600) in DIR and keeps its state there.

  --dir DIR              directory for state and kubeconfigs (default ~/.local/share/plumbline/simulated)
  --cluster NAME[=PORT]  name of a cluster, and its port; repeat for more clusters (default: local, on the port of its
                         last run or a free one)
  --exit-with-stdin      end when standard input ends, so that the process does not outlive the program that started it
  --help                 print this text
`;

/** Name of a file and of a context: no path separators, no leading dot. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;

/**
 * Reads the command line; `undefined` when help is requested.
 * @throws Error that says which argument is wrong.
 */
export function processOptions(args: readonly string[]): ProcessOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: 'string', default: path.join(dataDirectory({}, homedir()), 'simulated') },
      cluster: { type: 'string', multiple: true, default: ['local'] },
      'exit-with-stdin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const clusters = values.cluster.map(clusterOf);
  const names = clusters.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`--cluster ${twice} is given twice`);
  return { directory: path.resolve(values.dir), clusters, exitWithStdin: values['exit-with-stdin'] };
}

function clusterOf(argument: string): { readonly name: string; readonly port: number | undefined } {
  const [name = '', port, ...rest] = argument.split('=');
  if (!NAME.test(name))
    throw new Error(
      `--cluster ${argument}: the name must consist of lower case letters, digits, "-" and "." (at most 63)`,
    );
  if (port === undefined) return { name, port: undefined };
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || rest.length > 0)
    throw new Error(`--cluster ${argument}: the port must be a number from 0 to 65535`);
  return { name, port: Number(port) };
}
