// SPDX-License-Identifier: Apache-2.0
import { status } from '@grpc/grpc-js';
import { createRegistry, type DescFile, type Registry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { HandlersOf, RequestOf } from './codec.js';
import {
  file_grpc_reflection_v1_reflection,
  type ServerReflection,
} from './generated/grpc/reflection/v1/reflection_pb.js';
import { file_plumbline_v1_documents } from './generated/plumbline/v1/documents_pb.js';
import { file_plumbline_v1_log } from './generated/plumbline/v1/log_pb.js';
import { file_plumbline_v1_plumbline } from './generated/plumbline/v1/plumbline_pb.js';

type Request = RequestOf<typeof ServerReflection, 'serverReflectionInfo'>;

const files: ReadonlySet<DescFile> = new Set(
  [
    file_plumbline_v1_documents,
    file_plumbline_v1_log,
    file_plumbline_v1_plumbline,
    file_grpc_reflection_v1_reflection,
  ].flatMap((file) => [...withDependencies(file)]),
);
const filesByName: ReadonlyMap<string, DescFile> = new Map([...files].map((file) => [file.proto.name, file]));

/** The messages and services of the public API and what they import. */
export const registry: Registry = createRegistry(...files);

/**
 * Answers from the descriptors as buf compiled them. @grpc/reflection derives descriptors from proto-loader and loses
 * every map field.
 */
export function reflectionServer(services: readonly string[]): HandlersOf<typeof ServerReflection> {
  return {
    serverReflectionInfo: (call) => {
      call.on('data', (request: Request) => {
        call.write({ validHost: request.host, originalRequest: withoutCase(request), ...answer(services, request) });
      });
      call.on('end', () => call.end());
    },
  };
}

/** The request as JSON: a oneof is the field that is set. */
function withoutCase({ host, messageRequest }: Request): object {
  return { host, ...(messageRequest.case === undefined ? {} : { [messageRequest.case]: messageRequest.value }) };
}

function answer(services: readonly string[], { messageRequest }: Request): object {
  switch (messageRequest.case) {
    case 'listServices':
      return { listServicesResponse: { service: services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileAnswer(filesByName.get(messageRequest.value), messageRequest.value);
    case 'fileContainingSymbol':
      return fileAnswer(fileOf(messageRequest.value), messageRequest.value);
    case 'allExtensionNumbersOfType':
      return { allExtensionNumbersResponse: { baseTypeName: messageRequest.value, extensionNumber: [] } };
    default:
      return notFound('the requested symbol');
  }
}

/** The file of a message, enum or service, or of a method or field of one. */
function fileOf(symbol: string): DescFile | undefined {
  for (let name = symbol; name.includes('.'); name = name.slice(0, name.lastIndexOf('.'))) {
    const found = registry.get(name);
    if (found !== undefined) return found.file;
  }
  return undefined;
}

function withDependencies(file: DescFile, found = new Set<DescFile>()): ReadonlySet<DescFile> {
  if (found.has(file)) return found;
  found.add(file);
  for (const dependency of file.dependencies) withDependencies(dependency, found);
  return found;
}

function fileAnswer(file: DescFile | undefined, name: string): object {
  if (file === undefined) return notFound(name);
  return {
    fileDescriptorResponse: {
      fileDescriptorProto: [...withDependencies(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto)),
    },
  };
}

function notFound(name: string): object {
  return { errorResponse: { errorCode: status.NOT_FOUND, errorMessage: `${name} is not known here` } };
}
