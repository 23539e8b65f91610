// SPDX-License-Identifier: Apache-2.0
import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  makeGenericClientConstructor,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import type { DescService } from '@bufbuild/protobuf';
import { type RequestOf, type ResponseOf, serviceDefinition } from '../transport/grpc/codec.js';
import { Log } from '../transport/grpc/generated/plumbline/v1/log_pb.js';
import {
  Applications,
  Approvals,
  Audit,
  Clusters,
  Events,
  Repositories,
  Resources,
  Subscriptions,
  Targets,
  Versions,
} from '../transport/grpc/generated/plumbline/v1/plumbline_pb.js';

/** Request with the fields that differ from their default. */
export type Given<Request> = Request extends readonly (infer Item)[]
  ? readonly Given<Item>[]
  : Request extends object
    ? { readonly [Key in keyof Request]?: Given<Request[Key]> | undefined }
    : Request;

type Unary<Request, Response> = (
  request: Given<Request>,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;
type Streaming<Request, Response> = (request: Given<Request>, metadata?: Metadata) => ClientReadableStream<Response>;

type ClientOf<Service extends { readonly method: object }> = Client & {
  readonly [Method in keyof Service['method']]: Service['method'][Method] extends {
    readonly methodKind: 'server_streaming';
  }
    ? Streaming<RequestOf<Service, Method>, ResponseOf<Service, Method>>
    : Unary<RequestOf<Service, Method>, ResponseOf<Service, Method>>;
};

function clientClass<Service extends DescService>(
  service: Service,
): new (address: string, credentials: ChannelCredentials) => ClientOf<Service> {
  return makeGenericClientConstructor(serviceDefinition(service), service.name) as unknown as new (
    address: string,
    credentials: ChannelCredentials,
  ) => ClientOf<Service>;
}

export const ApplicationsClient = clientClass(Applications);
export type ApplicationsClient = InstanceType<typeof ApplicationsClient>;
export const ApprovalsClient = clientClass(Approvals);
export type ApprovalsClient = InstanceType<typeof ApprovalsClient>;
export const AuditClient = clientClass(Audit);
export type AuditClient = InstanceType<typeof AuditClient>;
export const ClustersClient = clientClass(Clusters);
export type ClustersClient = InstanceType<typeof ClustersClient>;
export const EventsClient = clientClass(Events);
export type EventsClient = InstanceType<typeof EventsClient>;
export const LogClient = clientClass(Log);
export type LogClient = InstanceType<typeof LogClient>;
export const RepositoriesClient = clientClass(Repositories);
export type RepositoriesClient = InstanceType<typeof RepositoriesClient>;
export const ResourcesClient = clientClass(Resources);
export type ResourcesClient = InstanceType<typeof ResourcesClient>;
export const SubscriptionsClient = clientClass(Subscriptions);
export type SubscriptionsClient = InstanceType<typeof SubscriptionsClient>;
export const TargetsClient = clientClass(Targets);
export type TargetsClient = InstanceType<typeof TargetsClient>;
export const VersionsClient = clientClass(Versions);
export type VersionsClient = InstanceType<typeof VersionsClient>;

export type ReadEventsRequest = Given<RequestOf<typeof Events, 'readEvents'>>;
export type ReadEventsResponse = ResponseOf<typeof Events, 'readEvents'>;
export type StreamEventsResponse = ResponseOf<typeof Events, 'streamEvents'>;
