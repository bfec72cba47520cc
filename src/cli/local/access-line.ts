/** Turns a request's line in the gateway's log into readable text. Returns any other line unchanged. */
export function readableLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  if (typeof record !== 'object' || record === null || record.status === undefined) return line;
  const show = (name: string) => (record[name] === undefined ? '-' : String(record[name]));
  const outcome = record.refusal ?? record.functionError;
  const note = outcome === undefined ? '' : `  ${String(outcome)}`;
  // A request to the admin API has a method and a path in place of a type and a function.
  const [how, what] = record.method === undefined ? ['type', 'function'] : ['method', 'path'];
  // The caller of a forwarded call sees Lambda's request id.
  const ids = [record.tenant, record.upstreamRequestId || record.requestId].filter((id) => id !== undefined);
  return `${show('at')}  ${show('status')}  ${show(how)}  ${show(what)}  ${show('durationMs')} ms${note}  ${ids.join('  ')}`;
}
