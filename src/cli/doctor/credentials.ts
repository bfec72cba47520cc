import { createHash } from 'node:crypto';
import { partitionOf } from '../../core/invoke/region.ts';
import { arnOf } from '../../core/policy/pattern.ts';
import type { Settings } from '../../core/settings.ts';
import { lambdaEndpoint } from '../../upstream/endpoint.ts';
import { createLambdaSigner } from '../../upstream/sign.ts';
import { whyUnreachable } from '../operator/unreachable.ts';
import { type Finding, findingsOf, judgeClock } from './finding.ts';

const TIMEOUT_MS = 10_000;
const BODY = '{}';

/** Errors that concern the signer, and how to fix each. Any other answer means that Lambda recognizes the signer. */
const SIGNER_ERRORS: Readonly<Record<string, readonly [message: string, fix: string]>> = {
  UnrecognizedClientException: [
    'Lambda does not know AWS_ACCESS_KEY_ID',
    'set it to the access key of an IAM user or role',
  ],
  InvalidSignatureException: ['Lambda did not accept the signature', 'check AWS_SECRET_ACCESS_KEY and the clock'],
  ExpiredTokenException: [
    'AWS_SESSION_TOKEN has expired',
    'set new credentials; a gateway needs ones that do not expire',
  ],
  MissingAuthenticationTokenException: ['Lambda saw no signature', 'check whether a proxy removes headers'],
  IncompleteSignatureException: ['Lambda saw only part of the signature', 'check whether a proxy changes headers'],
};

/**
 * Calls a function with the invocation type `DryRun`, which runs nothing, and signs the call as the gateway would. The
 * function need not exist: Lambda reports a missing function only to credentials that it accepts.
 */
export async function checkCredentials(
  { credentials, accountId, region, lambdaEndpoint: override }: Settings,
  functionName: string | undefined,
): Promise<Finding[]> {
  const { ok, warn, fail } = findingsOf('credentials');
  const origin = lambdaEndpoint(region, override);
  const name = functionName ?? 'postern-doctor';
  // Use the full ARN, as the gateway does, to detect an AWS_ACCOUNT_ID that does not belong to the credentials.
  const partition = partitionOf(region)?.name ?? 'aws';
  const arn = name.startsWith('arn:') ? name : arnOf({ partition, region, account: accountId, name });
  const path = `/2015-03-31/functions/${encodeURIComponent(arn)}/invocations`;
  const headers = createLambdaSigner(credentials)(
    {
      host: new URL(origin).host,
      region,
      path,
      headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'DryRun' },
      bodySha256: createHash('sha256').update(BODY).digest('hex'),
    },
    Date.now(),
  );
  let response: Response;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(origin + path, { method: 'POST', headers, body: BODY, redirect: 'manual', signal });
    await response.arrayBuffer();
  } catch (error) {
    const fix = 'check AWS_REGION, AWS_ENDPOINT_URL_LAMBDA and the network of this machine';
    return [fail(`${origin} gave no answer (${whyUnreachable(error)})`, fix)];
  }
  const clock = judgeClock('clock of Lambda', response.headers.get('date'), Date.now());
  const type = response.headers.get('x-amzn-errortype')?.replace(/:.*$/, '') ?? '';
  const wrong = SIGNER_ERRORS[type];
  if (wrong) return [fail(...wrong), clock];
  if (type === 'AccessDeniedException') {
    const message = `Lambda accepts them, but they may not invoke ${name} of account ${accountId}`;
    const fix = functionName
      ? `allow lambda:InvokeFunction on ${arn}, or check AWS_ACCOUNT_ID`
      : 'check AWS_ACCOUNT_ID, allow lambda:InvokeFunction on your functions, and try one with --function NAME';
    return [functionName ? fail(message, fix) : warn(message, fix), clock];
  }
  if (response.status === 204) return [ok(`Lambda accepts them, and they may invoke ${name}`), clock];
  if (type === 'ResourceNotFoundException') {
    if (functionName === undefined) return [ok('Lambda accepts them'), clock];
    return [fail(`Lambda accepts them, but there is no function ${name}`, 'check its name and AWS_REGION'), clock];
  }
  const answer = `${origin} answered ${response.status} ${type}`.trim();
  return [warn(answer, 'check that AWS_ENDPOINT_URL_LAMBDA is the address of a Lambda API'), clock];
}
