// SPDX-License-Identifier: Apache-2.0
import { type handleBidiStreamingCall, status } from '@grpc/grpc-js';
import { createFileRegistry, type DescFile, type FileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTOR_SET } from './generated/descriptors.js';
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
  ServerReflectionServer,
} from './generated/grpc/reflection/v1/reflection.js';

type Answer = ServerReflectionResponse['messageResponse'];

/** Answers from the descriptors as buf compiled them. @grpc/reflection makes descriptors anew from proto-loader, and loses every map field. */
export function reflectionServer(services: readonly string[]): ServerReflectionServer {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTOR_SET, 'base64')));
  const serverReflectionInfo: handleBidiStreamingCall<ServerReflectionRequest, ServerReflectionResponse> = (call) => {
    call.on('data', (request: ServerReflectionRequest) => {
      call.write({
        validHost: request.host,
        originalRequest: request,
        messageResponse: answer(registry, services, request),
      });
    });
    call.on('end', () => call.end());
  };
  return { serverReflectionInfo };
}

function answer(
  registry: FileRegistry,
  services: readonly string[],
  { messageRequest }: ServerReflectionRequest,
): Answer {
  switch (messageRequest?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
    case 'fileByFilename':
      return fileAnswer(registry.getFile(messageRequest.value), messageRequest.value);
    case 'fileContainingSymbol':
      return fileAnswer(fileOf(registry, messageRequest.value), messageRequest.value);
    case 'allExtensionNumbersOfType':
      return {
        $case: 'allExtensionNumbersResponse',
        value: { baseTypeName: messageRequest.value, extensionNumber: [] },
      };
    default:
      return notFound('what was asked for');
  }
}

/** The file of a message, enum or service, or of a method or field of one. */
function fileOf(registry: FileRegistry, symbol: string): DescFile | undefined {
  for (let name = symbol; name.includes('.'); name = name.slice(0, name.lastIndexOf('.'))) {
    const found = registry.get(name);
    if (found !== undefined) return found.file;
  }
  return undefined;
}

function fileAnswer(file: DescFile | undefined, name: string): Answer {
  if (file === undefined) return notFound(name);
  const files = new Set<DescFile>();
  const add = (next: DescFile): void => {
    if (files.has(next)) return;
    files.add(next);
    next.dependencies.forEach(add);
  };
  add(file);
  return {
    $case: 'fileDescriptorResponse',
    value: {
      fileDescriptorProto: [...files].map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto))),
    },
  };
}

function notFound(name: string): Answer {
  return { $case: 'errorResponse', value: { errorCode: status.NOT_FOUND, errorMessage: `${name} is not known here` } };
}
