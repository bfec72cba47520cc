import { VERSION } from '../../version.ts';
import type { DevServer, FirstCall } from './dev.ts';

/** A curl command that calls a function with the demo tenant's key, ready to paste. */
export const curlLine = ({ gateway, demo }: DevServer): string =>
  `curl -sS -X POST ${gateway}/2015-03-31/functions/hello/invocations -H 'x-api-key: ${demo.apiKey}' -H 'content-type: application/json' -d '{"name":"Ada"}'`;

/** The same call with the unmodified AWS CLI. Versions 1 and 2 read `fileb://` alike. */
const awsCliLine = ({ gateway, demo }: DevServer): string =>
  `echo '{"name":"Ada"}' | AWS_ACCESS_KEY_ID=${demo.accessKeyId} AWS_SECRET_ACCESS_KEY=${demo.secretAccessKey} aws lambda invoke --region us-east-1 --endpoint-url ${gateway} --function-name hello --payload fileb:///dev/stdin /dev/stdout`;

const javaScriptLines = ({ gateway, demo }: DevServer): string =>
  `import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
const lambda = new LambdaClient({
  endpoint: '${gateway}',
  region: 'us-east-1',
  credentials: {
    accessKeyId: '${demo.accessKeyId}',
    secretAccessKey: '${demo.secretAccessKey}',
  },
});
const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: 'hello', Payload: '{"name":"Ada"}' }));
console.log(Payload.transformToString());`;

/** Sets in another terminal what the README's examples and `postern` read, ready to paste. */
const exportLine = ({ gateway, adminToken, demo }: DevServer): string =>
  `export POSTERN_URL=${gateway} POSTERN_API_KEY=${demo.apiKey} POSTERN_ADMIN_TOKEN=${adminToken}`;

/** Lambda answers 200 even if the function throws. */
const showFirst = ({ status, functionError, body }: FirstCall): string =>
  status === 200 && functionError === null
    ? `A first call to \`hello\` was answered ${status}: ${body}`
    : `A first call to \`hello\` FAILED (${functionError ?? status}): ${body}`;

/** What `postern dev` prints when it is ready: addresses, and commands to copy. */
export function banner(server: DevServer, first: FirstCall | undefined): string {
  const { gateway, lambda, adminToken, demo } = server;
  return [
    '',
    `Postern ${VERSION} is ready.`,
    '',
    `  gateway      ${gateway}`,
    `  Lambda       ${lambda}`,
    `  admin API    ${gateway}/admin/v1`,
    `  admin token  ${adminToken}`,
    `  demo tenant  ${demo.tenantId}`,
    ...(first ? ['', showFirst(first)] : []),
    '',
    'To use this gateway from another terminal, paste this there:',
    '',
    exportLine(server),
    '',
    'Call it with curl:',
    '',
    curlLine(server),
    '',
    'With the AWS CLI (or any AWS SDK, unchanged: set AWS_ENDPOINT_URL_LAMBDA and the key pair):',
    '',
    awsCliLine(server),
    '',
    'With the AWS SDK for JavaScript:',
    '',
    javaScriptLines(server),
    '',
    'Press Ctrl-C to stop. Below, each call is one line, together with the output of its function.',
    '',
  ].join('\n');
}
