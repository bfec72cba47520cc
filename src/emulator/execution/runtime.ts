// The program that runs inside an execution environment. The thread loads one function and serves one event at a time.
// This program does what Lambda's Node runtime does between the runtime API and a handler.
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { callHandler, type HandlerContext } from './call-handler.ts';
import { captureOutput } from './capture-output.ts';
import { readAsLambdaDoes } from './commonjs-files.ts';
import { errorDocument, unhandledRejectionDocument } from './error-document.ts';
import { type Handler, loadHandler } from './load-handler.ts';
import type { EnvironmentSetup, ErrorDocument, FromEnvironment, Invocation, ToEnvironment } from './protocol.ts';
import { ResponseStream } from './response-stream.ts';
import { isStreaming, streamingApi } from './streaming-api.ts';

if (parentPort === null) throw new Error('runtime.ts is the inside of an environment; it runs only as a thread.');
const port = parentPort;
const { module, folder } = workerData as EnvironmentSetup;
if (folder !== undefined) readAsLambdaDoes(folder);

/** The running invocation, its stream, and a callback for an empty event loop. */
interface Running {
  readonly invocation: Invocation;
  onIdle: () => void;
  stream: ResponseStream | undefined;
}
let running: Running | undefined;
let handler: Handler | ErrorDocument | undefined;

captureOutput(
  (text) => post({ kind: 'log', text }),
  () => running?.invocation.requestId,
);
Object.defineProperty(globalThis, 'awslambda', { value: streamingApi });
process.on('uncaughtException', (error) => crash('Uncaught Exception', errorDocument(error), 129));
process.on('unhandledRejection', (reason) =>
  crash('Unhandled Promise Rejection', unhandledRejectionDocument(reason), 128),
);

port.on('message', (message: ToEnvironment) => {
  if (message.kind === 'invoke') void serve(message.invocation, message.deadlineMs);
  else {
    running?.stream?.passed(message.byteLength);
    if (running) port.unref();
  }
});

// While a handler runs, the port does not keep the event loop alive. So a handler that never answers empties the loop.
process.on('beforeExit', () => {
  port.ref();
  if (!running?.stream?.isWaiting) running?.onIdle();
});

async function serve(invocation: Invocation, deadlineMs: number): Promise<void> {
  const current: Running = { invocation, onIdle: () => {}, stream: undefined };
  running = current;
  process.env._X_AMZN_TRACE_ID = invocation.traceId;
  handler ??= await loadHandler(module);
  if (typeof handler !== 'function') return fail('Uncaught Exception', handler, true);
  const idle = new Promise<void>((resolve) => {
    current.onIdle = resolve;
  });
  port.unref();
  try {
    const event = readEvent(invocation.payload);
    const context = contextOf(invocation, deadlineMs);
    const bytes = isStreaming(handler)
      ? await runStreaming(handler, event, context, current, idle)
      : encode(await callHandler(handler, event, context, idle));
    if (bytes && bytes.byteLength > maxResponseBytes) return fail('Invoke Error', responseTooLarge, false);
    port.ref();
    running = undefined;
    post({ kind: 'done', bytes, heapMb: heapMb() }, bytes ? [bytes.buffer] : []);
  } catch (error) {
    fail('Invoke Error', errorDocument(error), false);
  }
}

/** Runs a streaming handler. Sends its output at once, or collects the output if the call wants one result. */
async function runStreaming(
  handler: Handler,
  event: unknown,
  context: HandlerContext,
  current: Running,
  idle: Promise<void>,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const stream = new ResponseStream((bytes) => {
    const { byteLength } = bytes;
    const isLate = running !== current;
    if (current.invocation.streamed && !isLate) return post({ kind: 'chunk', bytes }, [bytes.buffer]);
    gatheredBytes += byteLength;
    if (gatheredBytes <= maxResponseBytes) gathered.push(bytes);
    queueMicrotask(() => stream.passed(byteLength));
  });
  current.stream = stream;
  const answered = (async () => handler(event, stream, context))();
  await Promise.race([Promise.all([answered, stream.ended()]), idle]);
  if (!stream.writableFinished) throw new Error('Response stream is not finished.');
  return current.invocation.streamed ? null : new Uint8Array(Buffer.concat(gathered, gatheredBytes));
}

function contextOf(invocation: Invocation, deadlineMs: number): HandlerContext {
  const { env } = process;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: invocation.invokedFunctionArn,
    awsRequestId: invocation.requestId,
    clientContext: invocation.clientContext === undefined ? undefined : JSON.parse(invocation.clientContext),
    tenantId: invocation.tenantId,
    xRayTraceId: invocation.traceId,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

/** Parses a payload. An empty payload becomes the event `{}`. */
function readEvent(payload: Uint8Array): unknown {
  return payload.byteLength === 0 ? {} : JSON.parse(new TextDecoder().decode(payload));
}

function encode(result: unknown): Uint8Array<ArrayBuffer> {
  let json: string | undefined;
  try {
    json = JSON.stringify(result);
  } catch {
    throw new Error('Unable to stringify response body');
  }
  return new TextEncoder().encode(json ?? 'null');
}

/** Maximum size of a result: 6 MiB plus 100 bytes (recorded). */
const maxResponseBytes = 6_291_556;
const responseTooLarge: ErrorDocument = {
  errorMessage: `Response payload size exceeded maximum allowed payload size (${maxResponseBytes} bytes).`,
  errorType: 'Function.ResponseSizeTooLarge',
};

function fail(what: string, error: ErrorDocument, ends: boolean): void {
  console.error(`${what} \t${JSON.stringify(error)}`);
  port.ref();
  running = undefined;
  post({ kind: 'failed', error, ends, heapMb: heapMb() });
}

/** Ends the thread, as the real runtime ends its process. */
function crash(what: string, error: ErrorDocument, code: number): never {
  if (running) fail(what, error, true);
  process.exit(code);
}

function heapMb(): number {
  return Math.ceil(getHeapStatistics().used_heap_size / 1_048_576);
}

function post(message: FromEnvironment, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
