/** Turns a line of the gateway's log into one for people; what is not a call's line stays as it is. */
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
  return `${show('at')}  ${show('status')}  ${show('type')}  ${show('function')}  ${show('durationMs')} ms${note}`;
}
