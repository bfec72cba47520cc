import { randomBytes } from 'node:crypto';
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { constants, createBrotliCompress, createGzip } from 'node:zlib';

/** A status that Cloudflare answers by itself when it has no answer of the origin's. */
export type EdgeStatus = 520 | 521 | 522 | 523 | 524 | 525 | 526;

/**
 * What the edge does to a request in place of its work: answers by itself, or drops the caller's connection: before it
 * asks the origin, behind the head of the answer, or in the midst of its body.
 */
export type EdgeFault = EdgeStatus | 'drop' | 'drop-after-head' | 'drop-in-body';

export interface EdgeOptions {
  /** Who is behind it. */
  readonly origin: string;
  /** The caller's address, as the edge sees it; the peer of the connection when absent. */
  readonly addressOf?: (request: IncomingMessage) => string | undefined;
  /** What it asks the origin for in place of the caller's `Accept-Encoding`. Default "gzip, br". */
  readonly acceptEncoding?: string;
}

export interface Edge {
  readonly url: string;
  /** Applies a fault to the next `times` requests. */
  fail(fault: EdgeFault, times?: number): void;
  stop(): Promise<void>;
}

/** Workers platform limits: 128 KB of request headers, and as many of a response. */
const MAX_HEADER_BYTES = 128 * 1024;

/**
 * Cloudflare's edge, as far as it changes what passes: it rewrites `Accept-Encoding` (and tells the Worker of the
 * caller's own in `request.cf`, here by the header that Miniflare takes it from), normalizes URLs, sets the headers that
 * say who called, compresses answers, weakens entity tags, and has statuses of its own. TLS is not played,
 * and `X-Forwarded-*` is removed but not set: behind plain HTTP it would show a proxy, and secrets would be refused.
 */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const agent = new Agent({ keepAlive: true });
  const faults: EdgeFault[] = [];
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    // An unread upload must not stand in the way of the answer.
    request.on('error', () => {});
    const fault = faults.shift();
    if (typeof fault === 'number') answerByItself(request, response, fault);
    else if (fault === 'drop') request.socket.resetAndDestroy();
    else pass(request, response, options, agent, fault);
  };
  // RFC 9110 section 10.1.1: a proxy passes the expectation on. What Cloudflare does is not documented.
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, serve).on('checkContinue', serve);
  // Calls wait for functions that run for minutes.
  server.requestTimeout = 0;
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail(fault, times = 1) {
      faults.push(...Array<EdgeFault>(times).fill(fault));
    },
    async stop() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

function pass(
  request: IncomingMessage,
  response: ServerResponse,
  { origin, addressOf, acceptEncoding = 'gzip, br' }: EdgeOptions,
  agent: Agent,
  fault: 'drop-after-head' | 'drop-in-body' | undefined,
): void {
  const { hostname, port } = new URL(origin);
  const address = addressOf?.(request) ?? request.socket.remoteAddress ?? '';
  const outgoing = httpRequest({
    hostname,
    port,
    agent,
    maxHeaderSize: MAX_HEADER_BYTES,
    method: request.method,
    path: normalizeUrl(request.url ?? '/'),
    headers: requestLines(request, address, acceptEncoding),
  });
  outgoing.on('response', (answer) => {
    const { lines, coding } = answerLines(answer, request.headers);
    response.writeHead(answer.statusCode ?? 0, lines);
    const body = encode(answer, coding);
    body.on('error', () => response.destroy());
    if (fault !== undefined) {
      response.flushHeaders();
      const drop = () => request.socket.resetAndDestroy();
      if (fault === 'drop-after-head') drop();
      else body.once('data', (chunk: Buffer) => response.write(chunk.subarray(0, chunk.length / 2), drop));
      return;
    }
    // The bytes of a stream go on as they come.
    response.flushHeaders();
    body.pipe(response);
  });
  outgoing.on('continue', () => response.writeContinue());
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy();
    else answerByItself(request, response, 520);
  });
  response.on('close', () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  // An upload that has not begun is passed on too.
  outgoing.flushHeaders();
  request.pipe(outgoing);
}

/** Cloudflare's short form of its error page, as callers that do not ask for HTML get it. */
function answerByItself(request: IncomingMessage, response: ServerResponse, status: EdgeStatus): void {
  request.resume();
  const body = `error code: ${status}`;
  response.writeHead(status, {
    'content-type': 'text/plain; charset=UTF-8',
    'content-length': String(body.length),
    'cache-control': 'private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0',
    server: 'cloudflare',
    'cf-ray': rayId(),
  });
  response.end(body);
}

const rayId = (): string => `${randomBytes(8).toString('hex')}-FRA`;

/** What the edge sets itself, whatever the caller says, or takes off: compare "Cloudflare HTTP headers". */
const EDGE_OWNS = new Set([
  'accept-encoding',
  'cdn-loop',
  'cf-connecting-ip',
  'cf-ipcountry',
  'cf-ray',
  'cf-visitor',
  'connection',
  'keep-alive',
  'mf-cf-blob',
  'te',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** The request's header lines as they go on: the caller's in their order, then the edge's. */
function requestLines({ rawHeaders, headers }: IncomingMessage, address: string, acceptEncoding: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2);
    if (!EDGE_OWNS.has(name.toLowerCase())) lines.push(name, value);
  }
  const cf = {
    clientAcceptEncoding: headers['accept-encoding']?.toString() ?? '',
    colo: 'FRA',
    httpProtocol: 'HTTP/1.1',
  };
  const own = {
    'Accept-Encoding': acceptEncoding,
    'CDN-Loop': 'cloudflare; loops=1',
    'CF-Connecting-IP': address,
    'CF-IPCountry': 'XX',
    'CF-RAY': rayId(),
    'CF-Visitor': '{"scheme":"https"}',
    Connection: 'Keep-Alive',
    'MF-CF-Blob': JSON.stringify(cf),
  };
  return [...lines, ...Object.entries(own).flat()];
}

type Coding = 'gzip' | 'br' | undefined;

/** Types that Cloudflare compresses ("Content compression"), of those that Postern answers with. */
const COMPRESSIBLE = /^(text\/(html|plain|css|event-stream)|application\/(json|xml|javascript|x-ndjson))\b/i;

/** The answer's header lines as the caller gets them, and how its body is to be coded. */
function answerLines(answer: IncomingMessage, caller: IncomingHttpHeaders): { lines: string[]; coding: Coding } {
  const { statusCode = 0, headers } = answer;
  const bare = statusCode === 204 || statusCode === 304 || headers['content-length'] === '0';
  const isCoded = headers['content-encoding'] !== undefined;
  const compressible = !bare && !isCoded && COMPRESSIBLE.test(headers['content-type'] ?? '');
  const mayChange = !/no-transform/i.test(headers['cache-control'] ?? '');
  const coding = compressible && mayChange ? codingFor(caller['accept-encoding']?.toString() ?? '') : undefined;
  const lines: string[] = [];
  for (let at = 0; at < answer.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = answer.rawHeaders.slice(at, at + 2);
    const lower = name.toLowerCase();
    if (['connection', 'keep-alive', 'transfer-encoding', 'server'].includes(lower)) continue;
    if (lower === 'content-length' && coding !== undefined) continue;
    lines.push(name, lower === 'etag' ? weakened(value) : value);
  }
  if (coding !== undefined) lines.push('Content-Encoding', coding);
  lines.push('Server', 'cloudflare', 'CF-RAY', rayId(), 'CF-Cache-Status', 'DYNAMIC');
  return { lines, coding };
}

/** An answer's headers without those that the edge adds; as they are, where none was in between. */
export function withoutEdge(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (headers['cf-ray'] === undefined) return headers;
  const { server: _server, 'cf-ray': _ray, 'cf-cache-status': _status, ...rest } = headers;
  return rest;
}

const weakened = (tag: string): string => (tag.startsWith('W/') ? tag : `W/${tag}`);

/** The first coding of the caller's that the edge has, the heaviest first (RFC 9110 section 12.5.3). */
function codingFor(accepted: string): Coding {
  const codings = accepted.split(',').map((element) => {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    return { name, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
  });
  const known = codings.filter(({ name, weight }) => (name === 'gzip' || name === 'br') && weight > 0);
  return known.sort((a, b) => b.weight - a.weight)[0]?.name as Coding;
}

/** The answer's body in that coding, each piece passed on at once. */
function encode(answer: IncomingMessage, coding: Coding): Readable {
  if (coding === undefined) return answer;
  const encoder =
    coding === 'gzip'
      ? createGzip({ flush: constants.Z_SYNC_FLUSH })
      : createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH, params: FAST });
  answer.on('error', (error) => encoder.destroy(error));
  encoder.on('close', () => answer.destroy());
  return answer.pipe(encoder);
}

const FAST = { [constants.BROTLI_PARAM_QUALITY]: 4 };

/**
 * URL normalization as Cloudflare's default does it before a Worker runs ("How URL normalization works", type
 * "Cloudflare"): backslashes and repeated slashes become one slash, dot segments go, unreserved characters are decoded,
 * percent-encodings are upper case, and other bytes are encoded. Reserved characters stay as they came.
 */
export function normalizeUrl(url: string): string {
  const [, path = '/', query = ''] = /^([^?]*)(\?.*)?$/s.exec(url) ?? [];
  const slashes = normalizePercents(path.replaceAll('\\', '/')).replace(/\/{2,}/g, '/');
  const kept: string[] = [];
  const segments = slashes.split('/').slice(1);
  segments.forEach((segment, at) => {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if ((segment === '.' || segment === '..') && at === segments.length - 1) kept.push('');
  });
  return `/${kept.join('/')}${normalizePercents(query)}`;
}

function normalizePercents(text: string): string {
  return text.replace(/%([0-9a-f]{2})|[^\x21-\x7e]|["<>^`{|}]/gi, (match, hex: string | undefined) => {
    if (hex === undefined) return encodeURIComponent(match);
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : match.toUpperCase();
  });
}
