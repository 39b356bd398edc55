import { createRegistry, type DescFile, type DescService, type Registry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { grpcReflectionV1, grpcReflectionV1Alpha } from '@sluice/proto';

/** grpc.reflection v1 and v1alpha over the services and all that their files import. Both versions have the same messages. */
export function addReflectionServices(router: ConnectRouter, services: readonly DescService[]): void {
  const { ServerReflection: V1 } = grpcReflectionV1;
  const { ServerReflection: V1Alpha } = grpcReflectionV1Alpha;
  const index = indexFiles([...services, V1, V1Alpha]);
  router.service(V1, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        const messageResponse = answerQuestion(index, request.messageRequest);
        yield { validHost: request.host, originalRequest: request, messageResponse };
      }
    },
  });
  router.service(V1Alpha, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        const messageResponse = answerQuestion(index, request.messageRequest);
        yield { validHost: request.host, originalRequest: request, messageResponse };
      }
    },
  });
}

/** `messageRequest` of either version. */
type Question =
  | { case: 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType' | 'listServices'; value: string }
  | { case: 'fileContainingExtension'; value: { containingType: string; extensionNumber: number } }
  | { case: undefined; value?: undefined };

/** `messageResponse` of either version. */
type Answer =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'allExtensionNumbersResponse'; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };

interface FileIndex {
  readonly services: readonly DescService[];
  readonly registry: Registry;
  readonly files: ReadonlyMap<string, DescFile>;
}

function answerQuestion({ services, registry, files }: FileIndex, question: Question): Answer {
  switch (question.case) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: services.map(({ typeName }) => ({ name: typeName })) } };
    case 'fileByFilename':
      return describeFile(files.get(question.value), question.value);
    case 'fileContainingSymbol':
      return describeFile(findSymbol(registry, question.value), question.value);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const extension = extensionsOf(registry, containingType).find(({ number }) => number === extensionNumber);
      return describeFile(extension?.file, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = extensionsOf(registry, question.value).map(({ number }) => number);
      if (registry.getMessage(question.value) === undefined) return notFound(question.value);
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber } };
    }
    case undefined:
      return { case: 'errorResponse', value: { errorCode: Code.InvalidArgument, errorMessage: 'no question' } };
    default:
      return question satisfies never;
  }
}

/** A message, enum, service or extension by its full name, or a method, field or enum value by its parent's and its own. */
function findSymbol(registry: Registry, symbol: string): DescFile | undefined {
  const found = registry.get(symbol);
  if (found !== undefined) return found.file;
  const parent = registry.get(symbol.slice(0, symbol.lastIndexOf('.')));
  return parent?.file;
}

function extensionsOf(registry: Registry, typeName: string) {
  return [...registry]
    .filter((type) => type.kind === 'extension')
    .filter(({ extendee }) => extendee.typeName === typeName);
}

/** The file and all that it imports, so that clients need not ask again. */
function describeFile(file: DescFile | undefined, what: string): Answer {
  if (file === undefined) return notFound(what);
  const fileDescriptorProto = withImports([file]).map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function notFound(what: string): Answer {
  return { case: 'errorResponse', value: { errorCode: Code.NotFound, errorMessage: `not found: ${what}` } };
}

function indexFiles(services: readonly DescService[]): FileIndex {
  const files = withImports(services.map(({ file }) => file));
  return { services, registry: createRegistry(...files), files: new Map(files.map((file) => [file.proto.name, file])) };
}

function withImports(roots: readonly DescFile[]): DescFile[] {
  const seen = new Set<DescFile>();
  const visit = (file: DescFile) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const dependency of file.dependencies) visit(dependency);
  };
  for (const root of roots) visit(root);
  return [...seen];
}
