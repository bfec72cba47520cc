import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Target } from './target.ts';

/** The memory of every function in MB: the heap limit of its thread, and the memory size that its context shows. */
export const memoryMb = 1024;

/** Host variables that functions must not see: keys, our settings, and options of this process. */
const withheld = /^(AWS_|POSTERN_|CLOUDFLARE_|CF_|NODE_|npm_|VITEST)/;

/** The environment variables of a function: the host's, except the withheld variables, and those that Lambda sets. */
export function environmentVariables(target: Target, nowMs: number): NodeJS.ProcessEnv {
  const { code, version, region } = target;
  const today = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '/');
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !withheld.test(name))),
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_FUNCTION_NAME: code.name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${code.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${today}/[${version}]${randomBytes(16).toString('hex')}`,
    AWS_REGION: region,
    LAMBDA_TASK_ROOT: dirname(fileURLToPath(code.module)),
    // Node's default folder. Stripped TypeScript is cached there, so that a thread starts in a third of the time and memory.
    NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'),
    TZ: ':UTC',
    _HANDLER: 'index.handler',
  };
}
