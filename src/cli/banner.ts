import type { DevServer } from './dev.ts';

/** A curl line that calls a function with the demo tenant's key, to be copied as it stands. */
export const curlLine = ({ gateway, demo }: DevServer): string =>
  `curl -s -X POST ${gateway}/2015-03-31/functions/hello/invocations -H 'x-api-key: ${demo.apiKey}' -H 'content-type: application/json' -d '{"name":"Ada"}'`;

/** What `postern dev` says when it is ready: where things are, and lines to copy. */
export function banner(
  server: DevServer,
  first: { readonly status: number; readonly body: string } | undefined,
): string {
  const { gateway, lambda, adminToken, demo } = server;
  return [
    '',
    'Postern is ready.',
    '',
    `  gateway      ${gateway}`,
    `  Lambda       ${lambda}`,
    `  admin API    ${gateway}/admin/v1`,
    `  admin token  ${adminToken}`,
    `  demo tenant  ${demo.tenantId}`,
    ...(first ? ['', `A first call of \`hello\` was answered ${first.status}: ${first.body}`] : []),
    '',
    'Call it with curl:',
    '',
    curlLine(server),
    '',
    'Ctrl-C ends it. One line for each call follows.',
    '',
  ].join('\n');
}
