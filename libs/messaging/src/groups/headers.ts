// SPDX-License-Identifier: Apache-2.0

/** Headers of the message of an event. A group is what the writer committed at once. */
export const Header = {
  /** Position of the event in the log. */
  position: 'Plumbline-Position',
  /** Revision of the event in its stream. */
  revision: 'Plumbline-Revision',
  /** `<first>-<last>` position of the group. */
  group: 'Plumbline-Group',
  /** Root of the RFC 6962 tree over the leaf hashes of the group, base64. */
  root: 'Plumbline-Group-Root',
  /** Inclusion path of the event in that tree, from the leaf to the root, base64; empty for a group of one. */
  proof: 'Plumbline-Group-Proof',
  /** Ed25519 signature of the log over {@link groupText}, base64; absent where nobody else can publish. */
  signature: 'Plumbline-Group-Signature',
  /** W3C trace context: the trace is the correlation id. */
  trace: 'traceparent',
} as const;

/** What the log signs for a group. */
export function groupText(origin: string, first: number, last: number, root: string): string {
  return `plumbline.dev/event-group/v1\n${origin}\n${first}\n${last}\n${root}\n`;
}
