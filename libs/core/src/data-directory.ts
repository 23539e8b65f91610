// SPDX-License-Identifier: Apache-2.0

/** Default of `PLUMBLINE_DATA_DIR` in every program, as documents show it. */
export const DEFAULT_DATA_DIR = '~/.local/share/plumbline';

/**
 * Returns the data directory of a process: `PLUMBLINE_DATA_DIR`, or `plumbline` in `XDG_DATA_HOME`, or {@link
 * DEFAULT_DATA_DIR}.
 * `~/` at the start stands for `home`.
 */
export function dataDirectory(environment: Readonly<Record<string, string | undefined>>, home: string): string {
  const given = environment['PLUMBLINE_DATA_DIR'];
  const shared = environment['XDG_DATA_HOME'];
  const path =
    given !== undefined && given !== '' && given !== DEFAULT_DATA_DIR
      ? given
      : shared !== undefined && shared !== ''
        ? `${shared}/plumbline`
        : DEFAULT_DATA_DIR;
  return path.startsWith('~/') ? `${home}/${path.slice(2)}` : path;
}
