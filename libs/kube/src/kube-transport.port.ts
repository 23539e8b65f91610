// SPDX-License-Identifier: Apache-2.0

/** HTTP methods that the Kubernetes API uses. */
export type KubeMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One request to a Kubernetes API server, as raw HTTP. */
export interface KubeRequest {
  readonly method: KubeMethod;
  /** Path and query, e.g. `/api/v1/namespaces/web/configmaps?limit=500`; never lower-cased or re-encoded. */
  readonly path: string;
  /** Lower-case names. Authentication is the transport's own business. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** The response: its status is data, not an error. */
export interface KubeResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Reads the whole body as UTF-8. */
  text(): Promise<string>;
  /** Streams the body line by line (watches). Ends when the server closes; throws when the connection breaks. */
  lines(): AsyncIterable<string>;
}

/**
 * Carries requests to one API server: a real one over undici, or the simulated one in process.
 * An implementation MUST NOT retry, MUST reject only when no response arrived (an `UpstreamError`), and MUST reuse
 * connections.
 */
export interface KubeTransport {
  request(request: KubeRequest): Promise<KubeResponse>;
  /** Ends open requests and connections; later requests are rejected. */
  close(): Promise<void>;
}
