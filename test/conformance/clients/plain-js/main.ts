import { readFile } from 'node:fs/promises';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { Case, Outcome } from '../../../../src/cli/conformance/case.ts';
import { payloadOf } from '../../../../src/cli/conformance/cases.ts';
import { payloadMembers } from '../../../../src/cli/conformance/payload-members.ts';
import { type PlainAnswer, type PlainRequest, SIGNERS, type Signer } from './signers.ts';

// A caller without an SDK: it writes the request of API_Invoke itself, and a library signs it.
const env = (name: string): string => process.env[name] ?? '';
const UNKNOWN_KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const ONE_HOUR_MS = 3_600_000;
const LIFE_SECONDS = 900;

function keyPairOf({ credentials }: Case) {
  const own = { accessKeyId: env('AWS_ACCESS_KEY_ID'), secretAccessKey: env('AWS_SECRET_ACCESS_KEY') };
  if (credentials === 'wrong-secret') return { ...own, secretAccessKey: 'wrong' };
  if (credentials === 'unknown-key') return UNKNOWN_KEY;
  if (credentials !== 'other-tenant') return own;
  return { accessKeyId: env('OTHER_ACCESS_KEY_ID'), secretAccessKey: env('OTHER_SECRET_ACCESS_KEY') };
}

function pathOf({ operation, function: name, qualifier }: Case): string {
  const encoded = encodeURIComponent(name);
  if (operation === 'InvokeAsync') return `/2014-11-13/functions/${encoded}/invoke-async/`;
  const query = qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(qualifier)}`;
  if (operation !== 'InvokeWithResponseStream') return `/2015-03-31/functions/${encoded}/invocations${query}`;
  return `/2021-11-15/functions/${encoded}/response-streaming-invocations${query}`;
}

function requestOf(one: Case): PlainRequest {
  const { invocationType, logType, clientContext, tenantId, headers = [] } = one;
  const payload = payloadOf(one);
  const lines: [string, string | undefined][] = [
    ['content-type', payload && 'application/json'],
    ['x-amz-invocation-type', invocationType],
    ['x-amz-log-type', logType],
    ['x-amz-client-context', clientContext],
    ['x-amz-tenant-id', tenantId],
  ];
  return {
    origin: env(one.endpoint === 'throttle' ? 'POSTERN_THROTTLE_ENDPOINT' : 'POSTERN_ENDPOINT'),
    path: pathOf(one),
    headers: [...lines.filter((line): line is [string, string] => line[1] !== undefined), ...headers],
    body: payload,
    region: env('AWS_REGION'),
    credentials: keyPairOf(one),
    date: new Date(Date.now() - (one.credentials === 'skewed-clock' ? ONE_HOUR_MS : 0)),
    presigned: one.operation === 'Presigned',
    expiresSeconds: one.presignWithoutExpires ? undefined : LIFE_SECONDS,
  };
}

/** The payload chunks and the end of an event stream (`application/vnd.amazon.eventstream`). */
function eventsOf(body: Buffer) {
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes).toString(),
    (text) => Buffer.from(text),
  );
  const chunks: Uint8Array[] = [];
  let end: { ErrorCode?: string; LogResult?: string } | undefined;
  for (let at = 0; at < body.length; at += body.readUInt32BE(at)) {
    const message = codec.decode(body.subarray(at, at + body.readUInt32BE(at)));
    const type = message.headers[':event-type']?.value;
    if (type === 'PayloadChunk') chunks.push(message.body);
    else end = JSON.parse(Buffer.from(message.body).toString());
  }
  return { chunks, end };
}

const decoded = (base64: string | undefined) => base64 && Buffer.from(base64, 'base64').toString();

function outcomeOf(one: Case, { status, header, body }: PlainAnswer): Omit<Outcome, 'id'> {
  if (status >= 400) {
    const parsed = JSON.parse(body.toString()) as { message?: string; Message?: string };
    const name = header('x-amzn-errortype')?.replace(/:.*/, '') ?? `HTTP ${status}`;
    return { error: { name, status, message: parsed.message ?? parsed.Message ?? '' } };
  }
  const executedVersion = header('x-amz-executed-version');
  if (one.operation === 'InvokeWithResponseStream') {
    const { chunks, end } = eventsOf(body);
    const payload = payloadMembers(Buffer.concat(chunks));
    const told = { functionError: end?.ErrorCode, log: decoded(end?.LogResult) };
    return {
      status,
      executedVersion,
      ...payload,
      ...told,
      chunks: chunks.length,
      complete: end !== undefined,
    } as Outcome;
  }
  const told = { functionError: header('x-amz-function-error'), log: decoded(header('x-amz-log-result')) };
  return { status, executedVersion, ...told, ...payloadMembers(body) } as Outcome;
}

async function run(signer: Signer, one: Case): Promise<Outcome> {
  try {
    return { id: one.id, ...outcomeOf(one, await signer.send(requestOf(one))) };
  } catch (error) {
    const { name, message } = error as Error;
    return { id: one.id, error: { name, message } };
  }
}

const name = process.argv[2] ?? '';
const signer = SIGNERS[name];
if (!signer) throw new Error(`there is no signer ${name}`);
const manifest = JSON.parse(
  await readFile(new URL(`../../../../node_modules/${name}/package.json`, import.meta.url), 'utf8'),
) as { version: string };
console.log(JSON.stringify({ sdk: `${name} ${manifest.version}`, runtime: `Node ${process.version}` }));
for (const one of JSON.parse(await readFile(process.argv[3] ?? '', 'utf8')) as Case[]) {
  console.log(JSON.stringify(await run(signer, one)));
}
