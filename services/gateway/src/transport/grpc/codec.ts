// SPDX-License-Identifier: Apache-2.0
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js';
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';

/**
 * A message as handlers see it: without marks of its type, 64-bit integers as numbers, bytes as buffers. Absent
 * fields are undefined.
 */
export type Plain<Value> = Value extends bigint
  ? number
  : Value extends Uint8Array
    ? Buffer
    : Value extends readonly (infer Item)[]
      ? Plain<Item>[]
      : Value extends Message
        ? { [Key in keyof Omit<Value, '$typeName' | '$unknown'>]: Plain<Value[Key & keyof Value]> }
        : Value extends JsonObject
          ? Value
          : Value extends object
            ? { [Key in keyof Value]: Plain<Value[Key]> }
            : Value;

type MethodsOf<Service extends { readonly method: object }> = Service['method'];
type InputOf<Method> = Method extends { readonly input: infer Input extends DescMessage } ? MessageShape<Input> : never;
type OutputOf<Method> = Method extends { readonly output: infer Output extends DescMessage }
  ? MessageShape<Output>
  : never;

/** Request of a method of a service. */
export type RequestOf<Service extends { readonly method: object }, Method extends keyof MethodsOf<Service>> = Plain<
  InputOf<MethodsOf<Service>[Method]>
>;

/** Response of a method of a service. */
export type ResponseOf<Service extends { readonly method: object }, Method extends keyof MethodsOf<Service>> = Plain<
  OutputOf<MethodsOf<Service>[Method]>
>;

/**
 * Handlers of a service. They return the JSON of the response: the documents of the contract, whose fields are those
 * of the messages.
 */
export type HandlersOf<Service extends { readonly method: object }> = {
  [Method in keyof MethodsOf<Service>]: MethodsOf<Service>[Method] extends { readonly methodKind: 'server_streaming' }
    ? handleServerStreamingCall<RequestOf<Service, Method>, object>
    : MethodsOf<Service>[Method] extends { readonly methodKind: 'bidi_streaming' }
      ? handleBidiStreamingCall<RequestOf<Service, Method>, object>
      : handleUnaryCall<RequestOf<Service, Method>, object>;
};

/** The service for grpc-js, with codecs for both of its sides. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(service, method)]));
}

function methodDefinition(service: DescService, method: DescMethod): ServiceDefinition[string] {
  const { input, output, methodKind } = method;
  return {
    path: `/${service.typeName}/${method.name}`,
    originalName: method.localName,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: (value: object) => encode(input, value),
    requestDeserialize: (bytes: Buffer) => decode(input, bytes),
    responseSerialize: (value: object) => encode(output, value),
    responseDeserialize: (bytes: Buffer) => decode(output, bytes),
  };
}

/** Encodes a document; fields that the message does not have are left out. */
export function encode(schema: DescMessage, document: object): Buffer {
  return Buffer.from(toBinary(schema, fromJson(schema, jsonOf(document), { ignoreUnknownFields: true })));
}

/** Decodes a message. */
export function decode<Schema extends DescMessage>(schema: Schema, bytes: Uint8Array): Plain<MessageShape<Schema>> {
  return plain(schema, fromBinary(schema, bytes)) as Plain<MessageShape<Schema>>;
}

function plain(schema: DescMessage, message: object): object {
  const values = new Map<string, unknown>(Object.entries(message));
  return Object.fromEntries(
    schema.members.map((member) => {
      const value = values.get(member.localName);
      // A oneof is {case, value}; those of the API hold no messages in requests.
      return [member.localName, member.kind === 'field' ? plainField(member, value) : value];
    }),
  );
}

function plainField(field: DescField, value: unknown): unknown {
  const message = field.message?.typeName === 'google.protobuf.Struct' ? undefined : field.message;
  const each = (item: unknown): unknown =>
    message !== undefined && typeof item === 'object' && item !== null ? plain(message, item) : plainScalar(item);
  if (field.fieldKind === 'list' && Array.isArray(value)) return value.map(each);
  if (field.fieldKind === 'map' && typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item)]));
  return each(value);
}

function plainScalar(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}

/** The value as JSON of protobuf: without undefined fields, bytes in base64. */
function jsonOf(value: unknown): JsonValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  const result: JsonObject = {};
  for (const [name, part] of Object.entries(value)) if (part !== undefined) result[name] = jsonOf(part);
  return result;
}
