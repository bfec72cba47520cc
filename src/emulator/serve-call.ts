import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Admitted, admit, type Rules } from './admit.ts';
import { type Answer, refusalAnswer, sendAnswer, writeHead } from './answer.ts';
import type { ReceivedCall, ReceivedCalls } from './calls.ts';
import { openEventStream } from './event-stream.ts';
import type { Pool } from './execution/pool.ts';
import { refuse } from './refusal.ts';
import { readBody } from './request/body.ts';
import { maxSyncPayloadBytes } from './request/payload.ts';
import { traceIdOf } from './trace-id.ts';
import { headerValue, wireHeaders } from './wire-headers.ts';

/** Everything that serving a call needs. */
export interface Service extends Rules {
  readonly pool: Pool;
  readonly calls: ReceivedCalls;
}

/** Serves one call from start to end: records, reads, admits, runs and answers it. */
export async function serveCall(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '' } = request;
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const headers = wireHeaders(request.rawHeaders);
  const call = service.calls.begin(method, url, headers, service.now());
  response.on('close', () => {
    call.endedAtMs = service.now();
  });
  const requestId = randomUUID();
  const send = (answer: Answer) => {
    call.status = answer.status;
    sendAnswer(response, requestId, service.now(), answer);
  };

  const body = await readBody(request, maxSyncPayloadBytes);
  call.bodyBytes = body.byteLength;
  call.bodySha256 = body.sha256;
  if (!body.drained) response.shouldKeepAlive = false;

  const admission = admit(service, { method, path, query, headers }, body);
  if (!admission.ok) return send(refusalAnswer(admission.refusal));
  call.function = admission.value.target.code.name;
  return runCall(service, admission.value, headers, { requestId, call, response, send });
}

/** The id and record of an admitted call, and the response that answers the call. */
interface Answering {
  readonly requestId: string;
  readonly call: ReceivedCall;
  readonly response: ServerResponse;
  readonly send: (answer: Answer) => void;
}

/** Runs an admitted call and answers it, according to its invocation type. */
async function runCall(
  service: Service,
  { operation, target, invokedFunctionArn, payload, arguments: given }: Admitted,
  headers: ReturnType<typeof wireHeaders>,
  { requestId, call, response, send }: Answering,
): Promise<void> {
  const { invocationType, tail, tenantId } = given;

  const traceId = traceIdOf(headerValue(headers, 'x-amzn-trace-id'), invokedFunctionArn, service.now());
  const trace = ['X-Amzn-Trace-Id', traceId] as const;
  if (invocationType === 'DryRun') return send({ status: 204, headers: [remapped, trace] });

  const invocation = { requestId, invokedFunctionArn, payload, tenantId, traceId };
  if (invocationType === 'Event') {
    send({ status: 202, body: '', headers: [remapped, trace] });
    // On Lambda, an event for a function with zero concurrency ends up in a dead-letter queue. The emulator drops the event.
    if (target.code.isThrottled) return;
    // Only synchronous calls pass a client context to the function (API_Invoke).
    await service.pool.runWhenFree(target, { ...invocation, clientContext: undefined, streamed: false });
    return;
  }

  if (target.code.isThrottled) {
    return send(refusalAnswer(refuse.throttle('ReservedFunctionConcurrentInvocationLimitExceeded')));
  }
  const stream = operation === 'InvokeWithResponseStream' ? openEventStream(response) : undefined;
  const running = service.pool.run(
    target,
    { ...invocation, clientContext: given.clientContext, streamed: stream !== undefined },
    stream?.chunk ?? noStream,
  );
  if (!running) return send(refusalAnswer(refuse.throttle('ConcurrentInvocationLimitExceeded')));
  const version = ['X-Amz-Executed-Version', target.version] as const;

  if (stream) {
    const contentType = 'application/vnd.amazon.eventstream';
    call.status = 200;
    writeHead(response, requestId, service.now(), { status: 200, contentType, headers: [remapped, version, trace] });
    const { error, bytes, logTail } = await running;
    if (bytes) await stream.chunk(bytes);
    return stream.complete(error, tail ? logTail : undefined);
  }

  const { error, bytes, logTail } = await running;
  const functionError = ['X-Amz-Function-Error', 'Unhandled'] as const;
  const logResult = ['X-Amz-Log-Result', logTail] as const;
  return send({
    status: 200,
    contentType: 'application/json',
    body: error ? JSON.stringify(error) : (bytes ?? ''),
    headers: [...(error ? [functionError] : []), remapped, version, ...(tail ? [logResult] : []), trace],
  });
}

/** The service sends this header with every success (recorded). The header's meaning is unknown. */
const remapped = ['x-amzn-Remapped-Content-Length', '0'] as const;
const noStream = async () => {};
