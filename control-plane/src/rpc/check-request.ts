import { setImmediate as nextTurn } from 'node:timers/promises';
import { create, type DescMessage, isMessage, type Message } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, RuntimeError, type Violation } from '@bufbuild/protovalidate';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { patternInWords } from '@sluice/engine';
import { ApplyRequestSchema, DiffRequestSchema, Severity } from '@sluice/proto';
import { problemsError, requestProblem } from './errors.ts';

/** Resources of one change at most, as the rule of `resources` in the .proto says. */
const MAX_RESOURCES = 200_000;

/** From here on others get a turn before and after the check. */
const MANY_RESOURCES = 500;

/**
 * Refuses requests that break the rules of the .proto with invalid_argument and Problems. The resources in a change are left
 * to the engine, which checks them with the rest of the change and names each by kind and name.
 */
export function checkRequests(): Interceptor {
  const validator = createValidator();
  const check = (schema: DescMessage, message: Message) => {
    const result = validator.validate(schema, withoutResources(message));
    if (result.kind === 'valid') return;
    if (result.kind === 'error') throw refusalOf(result.error);
    throw problemsError(
      result.violations.map((violation) =>
        requestProblem(Severity.ERROR, pathToString(violation.field), ruleInWords(violation)),
      ),
    );
  };
  return (next) => async (request) => {
    if (!request.stream) {
      const isLarge = countResources(request.message) > MANY_RESOURCES;
      // To decode it took a while already, and so does what follows.
      if (isLarge) await nextTurn();
      check(request.method.input, request.message);
      if (isLarge) await nextTurn();
      return next(request);
    }
    const { message: messages, method } = request;
    return next({
      ...request,
      message: (async function* () {
        for await (const message of messages) {
          check(method.input, message);
          yield message;
        }
      })(),
    });
  };
}

/** What the rule asks for; expressions are for programs. */
function ruleInWords({ ruleId, message }: Violation): string {
  const pattern = ruleId === 'string.pattern' ? /`(.*)`$/s.exec(message)?.[1] : undefined;
  return pattern === undefined ? message : patternInWords(pattern);
}

function withoutResources(message: Message): Message {
  const count = countResources(message);
  if (count > MAX_RESOURCES) {
    throw new ConnectError(`${count} resources in one change; at most ${MAX_RESOURCES}`, Code.InvalidArgument);
  }
  if (isMessage(message, ApplyRequestSchema)) return create(ApplyRequestSchema, { ...message, resources: [] });
  if (isMessage(message, DiffRequestSchema)) return create(DiffRequestSchema, { ...message, resources: [] });
  return message;
}

function countResources(message: Message): number {
  const isChange = isMessage(message, ApplyRequestSchema) || isMessage(message, DiffRequestSchema);
  return isChange ? message.resources.length : 0;
}

/** Such as a time that is no date: there is no value of it for a rule to be held against. Where a rule itself is wrong, that is ours. */
function refusalOf(error: Error): Error {
  return error instanceof RuntimeError ? new ConnectError(error.message, Code.InvalidArgument) : error;
}
