/** The maximum length, in characters, of a trace header that we read. Lambda itself never writes a longer X-Ray header. */
const MAX_LENGTH = 512;
const TRACE = /^1-[0-9a-f]{8}-[0-9a-f]{24}$/;
/** The fields that Lambda reads (X-Ray guide, "Tracing header"; Lambda guide, "Recursive loop detection" for Lineage). */
const FIELDS: Readonly<Record<string, RegExp>> = {
  Root: TRACE,
  Self: TRACE,
  Parent: /^[0-9a-f]{16}$/,
  Sampled: /^[01?]$/,
  Lineage: /^[0-9a-f:|]{1,256}$/,
};
/** W3C Trace Context, 3.2: version, trace id, parent id, flags. A later version may add fields after the flags. */
const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{8})([0-9a-f]{24})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/**
 * Reads a call's trace id: `X-Amzn-Trace-Id`, otherwise W3C's `traceparent` in X-Ray's form. The trace id is not an argument
 * and does not affect what runs, so a malformed trace id is dropped and the call is not refused. A signed caller need not
 * sign the header: a proxy in front of us may add fields to the header, and SDKs do not sign it. Fields unknown to Lambda
 * are dropped.
 */
export function readTraceId(traceId: string | undefined, traceparent: string | undefined): string | undefined {
  return (traceId === undefined ? undefined : parseTraceId(traceId)) ?? fromTraceparent(traceparent);
}

function parseTraceId(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const kept = new Map<string, string>();
  for (const part of text.split(';')) {
    const [, name = '', value = ''] = /^\s*([A-Za-z]+)=([^=]*?)\s*$/.exec(part) ?? [];
    const valid = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (!valid) continue;
    if (!valid.test(value) || kept.has(name)) return undefined;
    kept.set(name, value);
  }
  if (!kept.has('Root')) return undefined;
  return [...kept].map(([name, value]) => `${name}=${value}`).join(';');
}

function fromTraceparent(text: string | undefined): string | undefined {
  if (text === undefined || text.length > MAX_LENGTH) return undefined;
  const [, seconds, rest, parent, flags = ''] = TRACEPARENT.exec(text) ?? [];
  if (parent === undefined) return undefined;
  const sampled = Number.parseInt(flags, 16) & 1;
  return `Root=1-${seconds}-${rest};Parent=${parent};Sampled=${sampled}`;
}
