// SPDX-License-Identifier: Apache-2.0
import { configProvider } from '@plumbline/platform';
import { z } from 'zod';

/** Injection token of the {@link PolicyConfig}. */
export const POLICY_CONFIG = Symbol('POLICY_CONFIG');

/** Names and meanings of the settings. */
export const policySettings = z.object({
  PLUMBLINE_POLICY_SIGNING_KEY_FILE: z
    .string()
    .describe('File with the Ed25519 private key (PKCS #8 PEM) that releases are signed with. No default.'),
});

/** Configuration of the policy service. */
export interface PolicyConfig {
  readonly signingKeyFile: string;
}

/** Provides {@link POLICY_CONFIG}. */
export const policyConfigProvider = configProvider(POLICY_CONFIG, policySettings, (values): PolicyConfig => ({
  signingKeyFile: values.PLUMBLINE_POLICY_SIGNING_KEY_FILE,
}));
