import { createHash, timingSafeEqual } from 'node:crypto';
import aws4 from 'aws4';

/** What a gateway in Node is started with, in its environment. */
export const { BENCH_UPSTREAM = '', BENCH_API_KEY = '', BENCH_PORT = '' } = process.env;
const { host } = new URL(BENCH_UPSTREAM);
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: process.env.BENCH_SECRET_ACCESS_KEY ?? '' };
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const expected = sha256(BENCH_API_KEY);

/** Larger bodies are refused, as Lambda does. */
export const MAX_BODY_BYTES = 6_291_456;

/** Whether a caller's key is the one that is known here. */
export function isKnownKey(apiKey: unknown): boolean {
  return typeof apiKey === 'string' && timingSafeEqual(sha256(apiKey), expected);
}

/** The headers of a call to Lambda, signed by `aws4`. */
export function signHeaders(method: string, path: string, body: Buffer): Record<string, string> {
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  const signed = aws4.sign({ host, method, path, headers, body, service: 'lambda', region: 'us-east-1' }, credentials);
  return Object.fromEntries(
    Object.entries(signed.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}
