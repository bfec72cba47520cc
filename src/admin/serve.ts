import type { Context, Hono } from 'hono';
import type * as z from 'zod';
import { err, ok, type Result } from '../core/result.ts';
import { toFieldFaults } from '../document/field-faults.ts';
import { mayDo } from '../operator/access.ts';
import type { OperatorPorts } from '../operator/ports.ts';
import { adminOf } from './auth.ts';
import type { AdminEnvelope } from './envelope.ts';
import type { Handler, Input } from './handler.ts';
import { parseIfMatch } from './if-match.ts';
import { needOf, type Operation } from './operation.ts';
import { answerProblem, invalidRequest, type Problem, problemOf } from './problem.ts';

/** Serves an operation at its path: checks access and input, calls the handler, and renders the result. */
export function serve<O extends Operation>(
  app: Hono<AdminEnvelope>,
  operation: O,
  handler: Handler<O>,
  ports: OperatorPorts,
): void {
  app.on(operation.method, inHono(operation.path), async (c) => {
    // Checks access before the body is read.
    if (!mayDo(adminOf(c), needOf(operation))) return answerProblem(problemOf({ kind: 'access' }));
    const input = await readInput(operation, c);
    if (!input.ok) return answerProblem(input.error);
    const result = await handler(ports, input.value);
    if (!result.ok) return answerProblem(problemOf(result.error));
    const { status, headers = {} } = operation.answer;
    for (const [name, { of }] of Object.entries(headers)) c.header(name, of(result.value as never));
    return status === 204 ? c.body(null, 204) : c.json(result.value as object, status);
  });
}

/** Converts the parameters of a path to Hono's syntax. */
const inHono = (path: string) => path.replace(/\{(\w+)\}/g, ':$1');

async function readInput<O extends Operation>(
  operation: O,
  c: Context<AdminEnvelope>,
): Promise<Result<Input<O>, Problem>> {
  const json = operation.body ? await readJson(c.req.raw) : ok(undefined);
  if (!json.ok) return json;
  const body = check(operation.body, json.value);
  if (!body.ok) return body;
  const query = check(operation.query, c.req.query(), true);
  if (!query.ok) return query;
  // The schemas of `operation` produce exactly `Input<O>`, but the compiler cannot prove this for a generic `O`.
  return ok({
    admin: adminOf(c),
    params: c.req.param(),
    body: body.value,
    query: query.value,
    ifMatch: parseIfMatch(c.req.header('if-match')),
  } as unknown as Input<O>);
}

const JSON_TYPE = /^application\/([a-z-.]+\+)?json\s*(;|$)/i;

async function readJson(request: Request): Promise<Result<unknown, Problem>> {
  const detail = "The body must be JSON, with 'Content-Type: application/json'.";
  if (!JSON_TYPE.test(request.headers.get('content-type') ?? '')) {
    return err({ status: 415, title: 'Invalid request', detail });
  }
  try {
    return ok(await request.json());
  } catch {
    return err({ status: 400, title: 'Invalid request', detail });
  }
}

function check(schema: z.ZodType | undefined, value: unknown, inQuery = false): Result<unknown, Problem> {
  if (!schema) return ok(undefined);
  const checked = schema.safeParse(value);
  return checked.success ? ok(checked.data) : err(invalidRequest(toFieldFaults(checked.error.issues, inQuery)));
}

/** On each known path, answers OPTIONS with the supported methods, and any unsupported method with 405. */
export function refuseOtherMethods(
  app: Hono<AdminEnvelope>,
  routes: Iterable<Pick<Operation, 'method' | 'path'>>,
): void {
  const methods = new Map<string, Set<string>>();
  for (const { path, method } of routes) methods.set(path, (methods.get(path) ?? new Set()).add(method));
  for (const [path, served] of methods) {
    // Hono answers HEAD with the handler for GET.
    const allow = [...served, ...(served.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
    app.all(inHono(path), (c) => {
      if (c.req.raw.method === 'OPTIONS') return c.body(null, 204, { allow });
      const detail = `This path allows ${allow}.`;
      return answerProblem({ status: 405, title: 'Method not allowed', detail }, { allow });
    });
  }
}
