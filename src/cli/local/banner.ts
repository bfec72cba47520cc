import { VERSION } from '../../version.ts';
import type { DevServer, FirstCall } from './dev.ts';

/** A curl command that calls a function with the demo tenant's key, ready to paste. */
export const curlLine = ({ gateway, demo }: DevServer): string =>
  `curl -s -X POST ${gateway}/2015-03-31/functions/hello/invocations -H 'x-api-key: ${demo.apiKey}' -H 'content-type: application/json' -d '{"name":"Ada"}'`;

/** The same call by the AWS CLI, unchanged: an endpoint and a key pair. `fileb://` is read alike by versions 1 and 2. */
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

/** A function that throws is answered 200, as by Lambda. */
const showFirst = ({ status, functionError, body }: FirstCall): string =>
  status === 200 && functionError === null
    ? `A first call to \`hello\` was answered ${status}: ${body}`
    : `A first call to \`hello\` FAILED (${functionError ?? status}): ${body}`;

/** What `postern dev` says when it is ready: where things are, and lines to copy. */
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
    'Press Ctrl-C to stop. One line for each call follows, and the output of its function.',
    '',
  ].join('\n');
}
