import type { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { BuildMiddleware, HttpRequest, RequestPresigner, RequestSigner } from '@smithy/types';
import type { Outcome } from './case.ts';
import { payloadMembers } from './payload-members.ts';

const LIFE_SECONDS = 900;
/** Headers that the SDK adds for its own use. A presigned request does not need them. */
const SDK_HEADERS = ['user-agent', 'x-amz-user-agent', 'content-length', 'amz-sdk-request', 'amz-sdk-invocation-id'];

/**
 * Presigns a call with the SDK's own serializer and signer, and sends it with plain HTTP. The package has no presigner
 * for Lambda, so a middleware takes the serialized request out of the client before the client signs and sends it.
 */
export async function fetchPresigned(client: LambdaClient, command: InvokeCommand): Promise<Omit<Outcome, 'id'>> {
  const { promise, resolve } = Promise.withResolvers<HttpRequest>();
  const take: BuildMiddleware<object, object> =
    () =>
    async ({ request }) => {
      resolve(request as HttpRequest);
      return { output: { $metadata: {} }, response: {} };
    };
  command.middlewareStack.add(take as never, { step: 'build', priority: 'low', name: 'takeRequest' });
  await client.send(command);

  const request = await promise;
  const headers = Object.entries(request.headers).filter(([name]) => !SDK_HEADERS.includes(name));
  const signer = (await client.config.signer()) as RequestSigner & RequestPresigner;
  const options = {
    expiresIn: LIFE_SECONDS,
    unsignableHeaders: new Set(['content-type']),
    unhoistableHeaders: new Set(headers.map(([name]) => name)),
  };
  const signed = await signer.presign({ ...request, headers: Object.fromEntries(headers) }, options);
  return readAnswer(
    await fetch(urlOf(signed), { method: signed.method, headers: ownHeaders(signed), body: signed.body }),
  );
}

function urlOf({ protocol, hostname, port, path, query = {} }: HttpRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`),
  );
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}?${pairs.join('&')}`;
}

/** All headers except `host`, which `fetch` writes itself. */
const ownHeaders = ({ headers }: HttpRequest) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host'));

async function readAnswer(response: Response): Promise<Omit<Outcome, 'id'>> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const { status, headers } = response;
  if (status >= 400) {
    const name = headers.get('x-amzn-errortype') ?? `HTTP ${status}`;
    return { error: { name, status, message: bytes.toString() } };
  }
  const executedVersion = headers.get('x-amz-executed-version');
  return { status, ...(executedVersion !== null && { executedVersion }), ...payloadMembers(bytes) };
}
