import { type ErrorHandler, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { StateError } from '../core/tenancy/state-error.ts';
import { logUnexpected } from '../edge/log.ts';
import type { OperatorPorts } from '../operator/ports.ts';
import { authenticate } from './auth.ts';
import type { AdminEnvelope } from './envelope.ts';
import type { Handler } from './handler.ts';
import { HANDLERS } from './handlers.ts';
import { describeApi } from './openapi.ts';
import type { Operation } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import { answerProblem, problemOfState } from './problem.ts';
import { requestLog } from './request-log.ts';
import { refuseOtherMethods, serve } from './serve.ts';

/** Maximum size of a body in bytes, well above the largest policy that the schema accepts. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => {
    const detail = `The body must have at most ${MAX_BODY_BYTES} bytes.`;
    return answerProblem({ status: 413, title: 'Too large', detail });
  },
});

const answerError: ErrorHandler<AdminEnvelope> = (error, c) => {
  logUnexpected(error, c.get('requestId'));
  const problem = error instanceof StateError ? problemOfState(error) : undefined;
  if (problem) return answerProblem(problem);
  const detail = 'The log has the cause, under the request id.';
  return answerProblem({ status: 500, title: 'Internal error', detail });
};

/** Creates the admin API, to be mounted at `ADMIN_PATH`. It parses requests, calls `operator`, and renders the results. */
export function createAdmin(ports: OperatorPorts): Hono<AdminEnvelope> {
  const app = new Hono<AdminEnvelope>();
  app.use(requestLog(ports), authenticate(ports), limitBody);
  for (const [id, operation] of Object.entries<Operation>(OPERATIONS)) {
    serve(app, operation, HANDLERS[id as keyof typeof OPERATIONS] as Handler<Operation>, ports);
  }
  app.get('/openapi.json', (c) => c.json(describeApi()));
  refuseOtherMethods(app, [{ method: 'GET', path: '/openapi.json' }, ...Object.values<Operation>(OPERATIONS)]);
  app.all('*', () => answerProblem({ status: 404, title: 'Not found', detail: 'There is no such path here.' }));
  return app.onError(answerError);
}
