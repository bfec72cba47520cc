import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import AWS from 'aws-sdk';

const MAX_INLINE_BYTES = 1_000_000;
const ONE_HOUR_MS = 3_600_000;
const LIFE_SECONDS = 900;
const env = process.env;

/** The bytes that a case sends; undefined for none. */
function payloadOf({ payload, payloadBytes }) {
  if (payloadBytes !== undefined) return Buffer.from(`"${'x'.repeat(payloadBytes - 2)}"`);
  return payload === undefined ? undefined : Buffer.from(payload);
}

function keyPairOf({ credentials }) {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (credentials === 'wrong-secret') return { accessKeyId, secretAccessKey: 'wrong' };
  if (credentials === 'unknown-key') {
    return {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    };
  }
  if (credentials === 'other-tenant') {
    return { accessKeyId: env.OTHER_ACCESS_KEY_ID, secretAccessKey: env.OTHER_SECRET_ACCESS_KEY };
  }
  return { accessKeyId, secretAccessKey };
}

function clientOf(one) {
  return new AWS.Lambda({
    endpoint: one.endpoint === 'throttle' ? env.POSTERN_THROTTLE_ENDPOINT : env.POSTERN_ENDPOINT,
    region: env.AWS_REGION,
    ...keyPairOf(one),
    ...(one.retries !== 'default' && { maxRetries: 0 }),
    ...(one.credentials === 'skewed-clock' && { systemClockOffset: -ONE_HOUR_MS }),
  });
}

function paramsOf(one) {
  const params = {
    FunctionName: one.function,
    Qualifier: one.qualifier,
    InvocationType: one.invocationType,
    LogType: one.logType,
    ClientContext: one.clientContext,
    Payload: payloadOf(one),
  };
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}

/** How an outcome tells of an answer's bytes. */
function payloadMembers(payload) {
  const bytes = Buffer.from(payload ?? '');
  if (bytes.byteLength <= MAX_INLINE_BYTES) return { payloadBase64: bytes.toString('base64') };
  return { payloadSha256: createHash('sha256').update(bytes).digest('hex'), payloadBytes: bytes.byteLength };
}

const decoded = (base64) => (base64 ? Buffer.from(base64, 'base64').toString() : undefined);

async function call(one) {
  const client = clientOf(one);
  if (one.operation === 'Presigned') return presigned(client.invoke(paramsOf(one)));
  if (one.operation === 'InvokeAsync') {
    const { Status } = await client.invokeAsync({ FunctionName: one.function, InvokeArgs: payloadOf(one) }).promise();
    return { status: Status };
  }
  if (one.operation === 'InvokeWithResponseStream') {
    return streamed(await client.invokeWithResponseStream(paramsOf(one)).promise());
  }
  const request = client.invoke(paramsOf(one));
  const answer = await request.promise();
  return {
    status: answer.StatusCode,
    executedVersion: answer.ExecutedVersion,
    functionError: answer.FunctionError,
    ...payloadMembers(answer.Payload),
    log: decoded(answer.LogResult),
    attempts: answer.$response.retryCount + 1,
  };
}

async function streamed(answer) {
  const chunks = [];
  let end;
  for await (const { PayloadChunk, InvokeComplete } of answer.EventStream) {
    if (PayloadChunk) chunks.push(PayloadChunk.Payload);
    if (InvokeComplete) end = InvokeComplete;
  }
  return {
    status: answer.StatusCode,
    executedVersion: answer.ExecutedVersion,
    functionError: end?.ErrorCode,
    ...payloadMembers(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)))),
    log: decoded(end?.LogResult),
    chunks: chunks.length,
    complete: end !== undefined,
  };
}

/** Sends what the SDK presigned with plain HTTP; the parameters are all in the URL, the payload is bound by its hash. */
async function presigned(request) {
  const url = await new Promise((resolve, reject) => {
    request.presign(LIFE_SECONDS, (error, made) => (error ? reject(error) : resolve(made)));
  });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: request.httpRequest.body });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status >= 400) {
    const name = answer.headers.get('x-amzn-errortype') ?? `HTTP ${answer.status}`;
    return { error: { name, status: answer.status, message: bytes.toString() } };
  }
  const executedVersion = answer.headers.get('x-amz-executed-version') ?? undefined;
  return { status: answer.status, executedVersion, ...payloadMembers(bytes) };
}

/** Every error of this SDK is an `Error` with a code: it has no classes of its own, so `typed` is left out. */
async function run(one) {
  if (one.tenantId !== undefined) {
    return { id: one.id, unsupported: 'its model (2024) is older than X-Amz-Tenant-Id' };
  }
  if (one.operation === 'InvokeWithResponseStream' && one.expect.functionError !== undefined) {
    return { id: one.id, unsupported: 'its event parser reads no members of InvokeComplete, so no ErrorCode either' };
  }
  try {
    return { id: one.id, ...(await call(one)) };
  } catch (error) {
    const { code, name, statusCode: status, message, retryCount } = error;
    return {
      id: one.id,
      error: { name: code ?? name, status, message },
      ...(retryCount !== undefined && { attempts: retryCount + 1 }),
    };
  }
}

const { version } = createRequire(import.meta.url)('aws-sdk/package.json');
console.log(JSON.stringify({ sdk: `aws-sdk ${version}`, runtime: `Node ${process.version}` }));
for (const one of JSON.parse(await readFile(process.argv[2], 'utf8'))) console.log(JSON.stringify(await run(one)));
