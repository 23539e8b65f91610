// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';

/** What the environment says about runs on whole topologies. */
export interface TopologyConfig {
  /** `PLUMBLINE_TEST_KEEP_LOGS`: directory that gets the log of every process; they go with the data when absent. */
  readonly keepLogsIn: string | undefined;
  /** `PLUMBLINE_CRASH_KILLS`: how often a process is killed; 50 when absent. */
  readonly crashKills: number;
  /** `PLUMBLINE_CRASH_SEED`: repeats the choices of an earlier run. */
  readonly crashSeed: number | undefined;
}

/** The environment, read. */
export function topologyConfig(): TopologyConfig {
  const seed = process.env['PLUMBLINE_CRASH_SEED'];
  return {
    keepLogsIn: process.env['PLUMBLINE_TEST_KEEP_LOGS'],
    crashKills: Number(process.env['PLUMBLINE_CRASH_KILLS'] ?? '50'),
    crashSeed: seed === undefined ? undefined : Number(seed),
  };
}

/** As little of the environment as a process needs: a setting of the machine must not reach a test. */
export function bareEnvironment(home: string, settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const directories = [path.dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin', '/opt/homebrew/bin'];
  return { PATH: directories.join(path.delimiter), HOME: home, LC_ALL: 'C.UTF-8', ...settings };
}
