// SPDX-License-Identifier: Apache-2.0
import type { VerifierKey } from '@plumbline/merkle';

/** Injection token of the {@link EventPublisher}. Only the audit service publishes. */
export const EVENT_PUBLISHER = Symbol('EVENT_PUBLISHER');

/** One recorded event as it travels. */
export interface EventMessage {
  /** See `eventSubject`. */
  readonly subject: string;
  readonly position: number;
  /**
   * Identifies the message to a server that drops repetitions: the same event gives the same id, and it cannot be
   * guessed before.
   */
  readonly id: string;
  /** See `Header`. */
  readonly headers: Readonly<Record<string, string>>;
  /** The stored canonical text, UTF-8, unchanged. */
  readonly body: Buffer;
}

/**
 * Publishes recorded events to all services. At least once, possibly repeated; receivers ignore positions that they
 * have processed.
 * An implementation MUST carry encoded bytes (no shared objects) and MUST deliver asynchronously.
 */
export interface EventPublisher {
  /**
   * Publishes messages of consecutive positions. Resolves when all of them are accepted.
   * @throws UpstreamError PLB-6010 when not all of them are: publish again; PLB-6011 for a stream that somebody else
   * made
   */
  publish(messages: readonly EventMessage[]): Promise<void>;
  /**
   * Keys whose signatures the consumers accept; undefined where nobody else can publish and messages need no
   * signature.
   */
  readonly trustedKeys: readonly VerifierKey[] | undefined;
  /** False while there is no connection: the log goes on, and services read from it. */
  readonly connected: boolean;
  close(): Promise<void>;
}
