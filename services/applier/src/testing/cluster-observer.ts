// SPDX-License-Identifier: Apache-2.0
import type { KubeAuditEvent, KubeServer } from '@plumbline/testkit';

// oxlint-disable-next-line typescript/no-explicit-any -- assertions reach into arbitrary objects
type Anything = any;

/** Looks at a real API server the way a person with kubectl would, past the code under test. */
export class ClusterObserver {
  constructor(readonly kube: KubeServer) {}

  /** The object, or undefined when there is none. */
  async get(path: string): Promise<Anything> {
    const { status, body } = await this.kube.request('GET', path);
    return status === 404 ? undefined : body;
  }

  async create(path: string, body: unknown): Promise<Anything> {
    return this.#ok('POST', path, body, 'application/json');
  }

  /** As `kubectl edit` and the like: an Update by another manager. */
  async merge(path: string, body: unknown, manager = 'kubectl-edit'): Promise<Anything> {
    return this.#ok('PATCH', `${path}?fieldManager=${manager}`, body, 'application/merge-patch+json');
  }

  /** As a controller: the status subresource. */
  async status(path: string, status: unknown): Promise<Anything> {
    return this.#ok('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
  }

  async apply(path: string, body: unknown, manager: string): Promise<Anything> {
    return this.#ok('PATCH', `${path}?fieldManager=${manager}&force=true`, body, 'application/apply-patch+yaml');
  }

  async delete(path: string): Promise<void> {
    await this.kube.request('DELETE', path);
  }

  async namespace(name: string): Promise<void> {
    await this.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  /** Requests of the applier so far that were not reads, oldest first; dry runs included when asked for. */
  async writes(
    options: { readonly since?: number; readonly dryRuns?: boolean } = {},
  ): Promise<readonly KubeAuditEvent[]> {
    const events = (await this.kube.auditEvents()).slice(options.since ?? 0);
    return events
      .filter(
        ({ userAgent, verb }) => userAgent === 'plumbline' && ['create', 'patch', 'update', 'delete'].includes(verb),
      )
      .filter(({ requestURI }) => options.dryRuns === true || !requestURI.includes('dryRun=All'))
      .sort((a, b) => (a.requestReceivedTimestamp < b.requestReceivedTimestamp ? -1 : 1));
  }

  /** A mark for {@link writes}: what comes after now. */
  async mark(): Promise<number> {
    return (await this.kube.auditEvents()).length;
  }

  async #ok(method: string, path: string, body: unknown, contentType: string): Promise<Anything> {
    const answer = await this.kube.request(method, path, { body, contentType });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
