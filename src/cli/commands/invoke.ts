import { type Command, Option } from 'commander';
import { INVOCATION_TYPES } from '../../core/invoke/types.ts';
import { type ConnectionFlags, readGateway, VISIBLE_ASCII, withConnection } from '../operator/connection.ts';
import { type Posted, post } from '../operator/post.ts';
import { unreachable } from '../operator/unreachable.ts';
import { CommandError, EXIT, EXIT_OF_STATUS, usageError } from '../terminal/exit.ts';
import { paint } from '../terminal/paint.ts';
import { readInput } from '../terminal/read-input.ts';
import { suggestOption } from '../terminal/suggest.ts';
import { escapeControls } from '../terminal/terminal.ts';

interface InvokeFlags extends ConnectionFlags {
  readonly key?: string;
  readonly payload?: string;
  readonly payloadFile?: string;
  readonly qualifier?: string;
  readonly type?: string;
  readonly tenantId?: string;
  readonly log?: boolean;
  readonly json?: boolean;
}

/** Adds `postern invoke`, which calls a function as a caller with a Postern key. */
export function invokeCommand(program: Command): void {
  suggestOption(withConnection(program.command('invoke <function>')), "--payload '{...}'")
    .description('call a function through the gateway, as a caller with a Postern key')
    .option('--key <key>', 'the Postern key; prefer POSTERN_API_KEY, which a process list does not show')
    .addOption(new Option('--payload <json>', 'the payload, JSON').conflicts('payloadFile'))
    .option('--payload-file <path>', 'read the payload from a file; - is standard input')
    .option('--qualifier <qualifier>', 'a version or an alias')
    .addOption(new Option('--type <type>', 'the invocation type; default: RequestResponse').choices(INVOCATION_TYPES))
    .option('--tenant-id <id>', 'the value of X-Amz-Tenant-Id')
    .option('--log', 'print the end of the execution log on standard error')
    .option('--json', 'print one line of JSON: status, headers and payload')
    .addHelpText(
      'after',
      `
The payload of the answer goes to standard output, all else to standard error. A function that fails ends with 1.

Examples:
  $ POSTERN_API_KEY=postern_... postern invoke orders --payload '{"id": 7}'
  $ postern invoke orders --qualifier live --log < /dev/null
  $ jq -c .order request.json | postern invoke orders --type Event --payload-file -`,
    )
    .action(invoke);
}

async function invoke(name: string, flags: InvokeFlags): Promise<void> {
  const gateway = await readGateway(flags, process.env);
  const key = flags.key ?? process.env.POSTERN_API_KEY;
  if (!key) throw usageError('no Postern key: set POSTERN_API_KEY, or give --key');
  if (!VISIBLE_ASCII.test(key)) throw usageError('the Postern key must be visible ASCII without white space');
  const query = flags.qualifier === undefined ? '' : `?Qualifier=${encodeURIComponent(flags.qualifier)}`;
  const payload = flags.payloadFile === undefined ? flags.payload : await readInput(flags.payloadFile);
  const url = `${gateway}/2015-03-31/functions/${encodeURIComponent(name)}/invocations${query}`;
  const headers = {
    'x-api-key': key,
    'content-type': 'application/json',
    ...(flags.type !== undefined && { 'x-amz-invocation-type': flags.type }),
    ...(flags.tenantId !== undefined && { 'x-amz-tenant-id': flags.tenantId }),
    ...(flags.log && { 'x-amz-log-type': 'Tail' }),
  };
  const answer = await post(url, headers, payload ?? '').catch((error: unknown) => {
    throw unreachable(gateway, error, true);
  });
  if (flags.json) console.log(JSON.stringify(asJson(answer)));
  else showAnswer(answer);
  throwUnlessDone(answer);
}

const isSuccess = (status: number) => status >= 200 && status < 300;

function asJson({ status, headers, body }: Posted) {
  return {
    status,
    functionError: headers.get('x-amz-function-error'),
    refusal: headers.get('x-postern-refusal'),
    executedVersion: headers.get('x-amz-executed-version'),
    requestId: headers.get('x-amzn-requestid'),
    log: logOf(headers),
    payload: parse(body.toString('utf8')),
  };
}

const logOf = (headers: Headers): string | null => {
  const tail = headers.get('x-amz-log-result');
  return tail === null ? null : Buffer.from(tail, 'base64').toString('utf8');
};

function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

function showAnswer({ status, headers, body }: Posted): void {
  const log = logOf(headers);
  if (log !== null) console.error(process.stderr.isTTY ? escapeControls(log.trimEnd()) : log.trimEnd());
  const version = headers.get('x-amz-executed-version');
  const id = headers.get('x-amzn-requestid');
  const notes = [`${status}`, ...(version ? [`version ${version}`] : []), ...(id ? [`request ${id}`] : [])].join('  ');
  console.error(paint('dim', notes, process.stderr));
  // The body of a failed call is an error document, not a payload.
  if (isSuccess(status) && body.length > 0)
    process.stdout.write(process.stdout.isTTY ? `${escapeControls(body.toString())}\n` : body);
}

function throwUnlessDone({ status, headers, body }: Posted): void {
  const document = parse(body.toString('utf8')) as Record<string, unknown> | null;
  const text = (...names: readonly string[]) =>
    names.map((name) => document?.[name]).find((value) => typeof value === 'string');
  const functionError = headers.get('x-amz-function-error');
  if (functionError !== null) {
    const type = text('errorType');
    throw new CommandError(
      `the function failed (${functionError}): ${type ? `${type}: ` : ''}${text('errorMessage') ?? 'no message'}`,
    );
  }
  if (isSuccess(status)) return;
  const refusal = headers.get('x-postern-refusal');
  const who = refusal === null ? 'Lambda' : `Postern (${refusal})`;
  const type = headers.get('x-amzn-errortype') ?? 'error';
  const message = text('message', 'Message') ?? 'no message';
  // Only refusals by Postern contain a hint.
  const hint = refusal === null ? undefined : text('hint');
  const words = hint === undefined ? message : `${message}\n  ${hint}`;
  throw new CommandError(`${who} answered ${status} ${type}: ${words}`, EXIT_OF_STATUS[status] ?? EXIT.failed);
}
