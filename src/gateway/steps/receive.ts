import { type ArgumentSource, presumedInvocationType } from '../../core/invoke/arguments.ts';
import { parseRoute } from '../../core/invoke/route.ts';
import { roomOfOperation } from '../../core/policy/payload-room.ts';
import type { PayloadRoom } from '../../core/policy/payload-too-large.ts';
import { parseQuery, type QueryParameters } from '../../core/query.ts';
import type { Refusal } from '../../core/refusal.ts';
import { checkHeaderCount, checkRequestLine } from '../../core/request-limits.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Settings } from '../../core/settings.ts';

/** The contents of the request line and the headers. Nothing has been verified yet. */
export interface Received {
  /** The path as it came on the wire. */
  readonly rawPath: string;
  readonly query: QueryParameters;
  /** Content-Length, if the caller sent it. */
  readonly declaredBytes: number | undefined;
  /** The unparsed arguments. They are parsed once the tenant is known. */
  readonly source: ArgumentSource;
  /** The largest payload that the operation itself accepts. */
  readonly operationRoom: PayloadRoom;
}

const NO_QUERY: QueryParameters = new Map();

/** Step 1. Finds the operation. */
export function receive(
  { url, method, headers }: Pick<Request, 'url' | 'method' | 'headers'>,
  { maxFunctionNameLength }: Pick<Settings, 'maxFunctionNameLength'>,
): Result<Received, Refusal> {
  const { rawPath, rawQuery } = splitUrl(url);
  const tooLong = checkRequestLine(rawPath, rawQuery);
  if (tooLong) return err(tooLong);
  const tooMany = checkHeaderCount(headers.keys());
  if (tooMany) return err(tooMany);
  const route = parseRoute(method, rawPath);
  if (!route.ok) return route;
  const { operation, rawFunctionName } = route.value;
  const header = (name: string) => headers.get(name) ?? undefined;
  const declared = header('content-length');
  const query = parseQuery(rawQuery);
  const source = { operation, rawFunctionName, query, header, maxFunctionNameLength };
  return ok({
    rawPath,
    query: query ?? NO_QUERY,
    declaredBytes: declared === undefined ? undefined : Number(declared),
    source,
    operationRoom: roomOfOperation(operation, presumedInvocationType(source)),
  });
}

/** Splits a URL as plain text, because `URL` would rewrite the path that the caller sent. */
function splitUrl(url: string): { rawPath: string; rawQuery: string } {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  const query = url.indexOf('?', path);
  return query < 0
    ? { rawPath: url.slice(path), rawQuery: '' }
    : { rawPath: url.slice(path, query), rawQuery: url.slice(query + 1) };
}
