// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** Version of the server: that of the workspace, read once. */
export const SERVER_VERSION: string = String(
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string })
    .version,
);
