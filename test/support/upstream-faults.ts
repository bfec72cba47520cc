import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** One way in which an upstream misbehaves, on the raw socket of a request. */
export interface UpstreamFault {
  readonly misbehave: (socket: Socket) => void;
  /** False: it misbehaves when the head has come, and never reads the body. */
  readonly readsBody?: false;
  /**
   * What the caller may see: statuses; `cut` where the answer must not look whole; `silent` where nothing comes for
   * longer than a test waits, so that the caller leaves.
   */
  readonly caller: readonly (number | 'cut' | 'silent')[];
}

/** Each fault ends its connection: else the next call on it would be lost too, and that is another fault. */
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n';
const ok = (body: string, more = '') => `${HEAD}${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const error = (status: number, type: string, body = '{"message":"no"}', more = '') =>
  `HTTP/1.1 ${status} X\r\ncontent-type: application/json\r\nconnection: close\r\nx-amzn-errortype: ${type}\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const write =
  (...pieces: readonly (string | Buffer)[]) =>
  (socket: Socket) => {
    for (const piece of pieces) socket.write(piece);
  };
const writeThen =
  (end: 'end' | 'resetAndDestroy', ...pieces: readonly (string | Buffer)[]) =>
  (socket: Socket) => {
    // What was written has to be on its way before the connection goes.
    socket.write(Buffer.concat(pieces.map((piece) => Buffer.from(piece))), () =>
      setTimeout(() => (end === 'end' ? socket.end() : socket.resetAndDestroy()), 10),
    );
  };
const thenFin = (...pieces: readonly (string | Buffer)[]) => writeThen('end', ...pieces);
const thenReset = (...pieces: readonly (string | Buffer)[]) => writeThen('resetAndDestroy', ...pieces);
const reset = (socket: Socket) => void socket.resetAndDestroy();
const fin = (socket: Socket) => void socket.end();
const nothing = () => {};

const LOST = [502] as const;
const EVENT_STREAM_HEAD =
  'HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nconnection: close\r\n';
const GZIP_BOMB = gzipSync(Buffer.alloc(50_000_000, ' '));

/** Faults by name; a function called `fault-<name>` gets it. */
export const FAULTS: Readonly<Record<string, UpstreamFault>> = {
  // Before the body was read
  'reset-at-head': { readsBody: false, misbehave: reset, caller: LOST },
  'fin-at-head': { readsBody: false, misbehave: fin, caller: LOST },
  'hang-at-head': { readsBody: false, misbehave: nothing, caller: ['silent'] },
  'early-413': {
    readsBody: false,
    misbehave: write(error(413, 'RequestTooLargeException')),
    caller: [413, 502],
  },
  'early-413-fin': { readsBody: false, misbehave: thenFin(error(413, 'RequestTooLargeException')), caller: [413, 502] },
  'early-413-reset': {
    readsBody: false,
    misbehave: thenReset(error(413, 'RequestTooLargeException')),
    caller: [413, 502, 'cut'],
  },
  'continue-then-reset': { readsBody: false, misbehave: thenReset('HTTP/1.1 100 Continue\r\n\r\n'), caller: LOST },

  // No answer
  reset: { misbehave: reset, caller: LOST },
  fin: { misbehave: fin, caller: LOST },
  hang: { misbehave: nothing, caller: ['silent'] },
  'endless-1xx': {
    misbehave: (socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
    },
    caller: [502, 'silent'],
  },

  // Half a head, or none that is one
  'half-head-fin': { misbehave: thenFin('HTTP/1.1 200 OK\r\nconte'), caller: LOST },
  'half-head-reset': { misbehave: thenReset('HTTP/1.1 200 OK\r\nconte'), caller: LOST },
  'half-head-hang': { misbehave: write('HTTP/1.1 200 OK\r\nconte'), caller: ['silent'] },
  garbage: { misbehave: thenFin('\u0000\u0001\u0002 what is this?\r\n\r\n'), caller: LOST },
  'http-0-9': { misbehave: thenFin('<html>hello</html>'), caller: LOST },
  'tls-alert': { misbehave: thenFin(Buffer.from([21, 3, 1, 0, 2, 2, 40])), caller: LOST },
  'status-0': {
    misbehave: thenFin('HTTP/1.1 000 Zero\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    caller: LOST,
  },
  'status-99': {
    misbehave: thenFin('HTTP/1.1 99 Low\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    caller: LOST,
  },
  'status-600': {
    misbehave: thenFin('HTTP/1.1 600 High\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    caller: LOST,
  },
  'status-999': {
    misbehave: thenFin('HTTP/1.1 999 Denied\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    caller: LOST,
  },
  'status-text': {
    misbehave: thenFin('HTTP/1.1 OK OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    caller: LOST,
  },
  'switching-protocols': {
    misbehave: thenFin('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    caller: LOST,
  },
  'header-nul': { misbehave: thenFin(`${HEAD}x-amz-a: a\u0000b\r\ncontent-length: 2\r\n\r\n{}`), caller: [502, 200] },
  'header-folded': { misbehave: thenFin(`${HEAD}x-amz-a: a\r\n b\r\ncontent-length: 2\r\n\r\n{}`), caller: [502, 200] },
  'header-no-colon': { misbehave: thenFin(`${HEAD}nonsense\r\ncontent-length: 2\r\n\r\n{}`), caller: LOST },
  'header-60-kb': { misbehave: thenFin(ok('{}', `x-amz-a: ${'a'.repeat(60_000)}\r\n`)), caller: [200, 502] },
  'headers-1500': {
    misbehave: thenFin(ok('{}', Array.from({ length: 1_500 }, (_, n) => `x-amz-a${n}: b\r\n`).join(''))),
    caller: [200, 502],
  },

  // Lengths that lie
  'length-negative': { misbehave: thenFin(`${HEAD}content-length: -5\r\n\r\n{}`), caller: LOST },
  'length-twice': {
    misbehave: thenFin(`${HEAD}content-length: 2\r\ncontent-length: 7\r\n\r\n{}`),
    caller: [502, 'cut'],
  },
  'length-huge': { misbehave: thenFin(`${HEAD}content-length: 99999999999999999999\r\n\r\n{}`), caller: [502, 'cut'] },
  'length-and-chunked': {
    misbehave: thenFin(`${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`),
    caller: [200, 502],
  },
  'body-short-fin': { misbehave: thenFin(`${HEAD}content-length: 100\r\n\r\n{"half":`), caller: [502, 'cut'] },
  'body-short-reset': { misbehave: thenReset(`${HEAD}content-length: 100\r\n\r\n{"half":`), caller: [502, 'cut'] },
  'big-body-short-fin': {
    misbehave: thenFin(`${HEAD}content-length: 300000\r\n\r\n`, Buffer.alloc(150_000, ' ')),
    caller: [502, 'cut'],
  },
  'big-body-short-reset': {
    misbehave: thenReset(`${HEAD}content-length: 300000\r\n\r\n`, Buffer.alloc(150_000, ' ')),
    caller: [502, 'cut'],
  },
  'body-stalls': { misbehave: write(`${HEAD}content-length: 100\r\n\r\n{"half":`), caller: [502, 'silent'] },
  'big-body-stalls': {
    misbehave: write(`${HEAD}content-length: 300000\r\n\r\n`, Buffer.alloc(150_000, ' ')),
    caller: [502, 'silent', 'cut'],
  },
  'no-length-fin': { misbehave: thenFin(`${HEAD}\r\n{}`), caller: [200] },
  'http-1-0': { misbehave: thenFin('HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{}'), caller: [200] },
  'chunked-cut': {
    misbehave: thenFin(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n`),
    caller: [502, 'cut'],
  },
  'chunked-bad-size': {
    misbehave: thenFin(`${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n`),
    caller: [502, 'cut'],
  },
  'chunked-reset': {
    misbehave: thenReset(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n`),
    caller: [502, 'cut'],
  },
  'endless-body': {
    misbehave: (socket) => {
      socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
      const timer = setInterval(() => socket.write('400\r\n'.concat(' '.repeat(1_024), '\r\n')), 20);
      socket.on('close', () => clearInterval(timer));
    },
    caller: ['silent'],
  },
  'two-answers': { misbehave: thenFin(ok('{"first":1}'), ok('{"second":2}')), caller: [200] },

  // Whole answers that are odd
  'gzip-bomb': {
    misbehave: (socket) =>
      write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${GZIP_BOMB.length}\r\n\r\n`, GZIP_BOMB)(socket),
    caller: [200, 'cut', 'silent'],
  },
  'gzip-garbage': { misbehave: thenFin(ok('not gzip at all', 'content-encoding: gzip\r\n')), caller: [502, 'cut'] },
  'redirect-301': { misbehave: thenFin(error(301, 'X', '', 'location: http://127.0.0.1:9/\r\n')), caller: [301, 502] },
  'redirect-307': { misbehave: thenFin(error(307, 'X', '', 'location: http://127.0.0.1:9/\r\n')), caller: [307, 502] },
  'not-modified': { misbehave: thenFin('HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n'), caller: [304, 502] },
  'no-content-with-body': {
    misbehave: thenFin('HTTP/1.1 204 No\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}'),
    caller: [204, 502],
  },
  unauthorized: { misbehave: thenFin(error(401, 'X')), caller: [401, 502] },
  'our-signature': { misbehave: thenFin(error(403, 'InvalidSignatureException')), caller: [502] },
  'our-denial': { misbehave: thenFin(error(403, 'AccessDeniedException')), caller: [403] },
  throttled: { misbehave: thenFin(error(429, 'TooManyRequestsException')), caller: [429] },
  'server-error': { misbehave: thenFin(error(500, 'ServiceException')), caller: [500] },
  'eni-limit': { misbehave: thenFin(error(502, 'ENILimitReachedException')), caller: [502] },
  unavailable: { misbehave: thenFin(error(503, 'ServiceException')), caller: [503] },
  'platform-520': {
    misbehave: thenFin(
      'HTTP/1.1 520 X\r\nserver: cloudflare\r\nconnection: close\r\ncontent-length: 15\r\n\r\nerror code: 520',
    ),
    caller: [502],
  },
  'platform-524': {
    misbehave: thenFin(
      'HTTP/1.1 524 X\r\nserver: cloudflare\r\nconnection: close\r\ncontent-length: 15\r\n\r\nerror code: 524',
    ),
    caller: [504],
  },

  // Event streams that are none
  'stream-garbage': {
    misbehave: thenFin(`${EVENT_STREAM_HEAD}content-length: 7\r\n\r\ngarbage`),
    caller: [200, 'cut', 502],
  },
  'stream-huge-frame': {
    misbehave: thenFin(`${EVENT_STREAM_HEAD}content-length: 16\r\n\r\n`, Buffer.alloc(16, 0x7f)),
    caller: [200, 'cut', 502],
  },
  'stream-cut': {
    misbehave: thenReset(
      `${EVENT_STREAM_HEAD}transfer-encoding: chunked\r\n\r\n4\r\n`,
      Buffer.from([0, 0, 1, 0]),
      '\r\n',
    ),
    caller: [200, 'cut', 502],
  },
};
