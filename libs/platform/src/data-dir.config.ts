// SPDX-License-Identifier: Apache-2.0
import { homedir } from 'node:os';
import { dataDirectory, DEFAULT_DATA_DIR } from '@plumbline/core';
import { z } from 'zod';

/** `PLUMBLINE_DATA_DIR`: the only definition of the setting and of its default. */
export const dataDirSetting = z
  .string()
  .default(DEFAULT_DATA_DIR)
  .transform((given) =>
    dataDirectory({ PLUMBLINE_DATA_DIR: given, XDG_DATA_HOME: process.env['XDG_DATA_HOME'] }, homedir()),
  )
  .describe(
    'Directory for the data of the process. `plumbline` in XDG_DATA_HOME when only that is set. The standalone process keeps its database and keys there; a service that runs alone keeps data there that can be rebuilt: mirrors, caches, snapshots.',
  );
