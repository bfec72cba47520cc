import { VERSION } from '../../version.ts';
import type { DevServer, FirstCall } from './dev.ts';

/** The function that the examples call: the developer's first function, `hello`, or a placeholder if none is known. */
const exampleOf = ({ functions }: DevServer): string =>
  functions === undefined ? 'my-function' : (functions[0] ?? 'hello');

/** A curl command that calls a function with the demo tenant's key, ready to paste. */
const curlLine = (server: DevServer): string =>
  `curl -sS -X POST ${server.gateway}/2015-03-31/functions/${exampleOf(server)}/invocations -H 'x-api-key: ${server.demo.apiKey}' -H 'content-type: application/json' -d '{"name":"Ada"}'`;

/** The same call with the unmodified AWS CLI. Versions 1 and 2 read `fileb://` in the same way. */
const awsCliLine = (server: DevServer): string => {
  const { gateway, region, demo } = server;
  return `echo '{"name":"Ada"}' | AWS_ACCESS_KEY_ID=${demo.accessKeyId} AWS_SECRET_ACCESS_KEY=${demo.secretAccessKey} aws lambda invoke --region ${region} --endpoint-url ${gateway} --function-name ${exampleOf(server)} --payload fileb:///dev/stdin /dev/stdout`;
};

const javaScriptLines = (server: DevServer): string =>
  `import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
const lambda = new LambdaClient({
  endpoint: '${server.gateway}',
  region: '${server.region}',
  credentials: {
    accessKeyId: '${server.demo.accessKeyId}',
    secretAccessKey: '${server.demo.secretAccessKey}',
  },
});
const { Payload } = await lambda.send(new InvokeCommand({ FunctionName: '${exampleOf(server)}', Payload: '{"name":"Ada"}' }));
console.log(Payload.transformToString());`;

/** A command to paste into another terminal. It sets the variables that the README's examples and `postern` read. */
const exportLine = ({ gateway, adminToken, demo }: DevServer): string =>
  `export POSTERN_URL=${gateway} POSTERN_API_KEY=${demo.apiKey} POSTERN_ADMIN_TOKEN=${adminToken}`;

/** Describes the first call. Lambda answers 200 even if the function throws. */
const showFirst = ({ status, functionError, body }: FirstCall): string =>
  status === 200 && functionError === null
    ? `A first call to \`hello\` was answered ${status}: ${body}`
    : `A first call to \`hello\` FAILED (${functionError ?? status}): ${body}`;

/** The text that `postern dev` prints when it is ready: addresses, and commands to copy. */
export function banner(server: DevServer, first: FirstCall | undefined): string {
  const { gateway, lambda, accountId, region, functions, adminToken, demo } = server;
  return [
    '',
    `Postern ${VERSION} is ready.`,
    '',
    `  gateway      ${gateway}`,
    `  Lambda       ${lambda}`,
    `  account      ${accountId}, region ${region}`,
    ...(functions && functions.length > 0 ? [`  functions    ${functions.join(', ')}`] : []),
    `  admin API    ${gateway}/admin/v1`,
    `  admin token  ${adminToken}`,
    `  demo tenant  ${demo.tenantId}`,
    ...(first ? ['', showFirst(first)] : []),
    '',
    'To use this gateway from another terminal, paste this there:',
    '',
    exportLine(server),
    '',
    functions === undefined
      ? 'Call it with curl, with the name of a function in place of my-function:'
      : 'Call it with curl:',
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
