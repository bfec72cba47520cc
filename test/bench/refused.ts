import { mkdir } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { invokePath } from '../support/postern.ts';
import { cpuMicroseconds, pinSelf } from './machine.ts';
import { median } from './statistics.ts';
import { type CallerKey, startPostern } from './subjects/postern.ts';
import { startUpstream } from './upstream.ts';

const ROUNDS = 3;
const WARM_UP_CALLS = 100;

/** One kind of request, and how it is made. */
interface Kind {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
  /** Large ones are made less often. */
  readonly calls?: number;
}

const json = { 'content-type': 'application/json' };
const amzDate = () => new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');

function forged(keyId: string, signedHeaders = 'host;x-amz-date'): Record<string, string> {
  const date = amzDate();
  const scope = `${keyId}/${date.slice(0, 8)}/us-east-1/lambda/aws4_request`;
  return {
    ...json,
    'x-amz-date': date,
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${signedHeaders}, Signature=${'0'.repeat(64)}`,
  };
}

const many = (count: number, of: (n: number) => string, by: string) =>
  Array.from({ length: count }, (_, n) => of(n)).join(by);
const jwt = (claims: object) =>
  [{ alg: 'RS256', kid: 'x' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

/** Requests that nobody has proved anything for. The first is the normal call that they are held against. */
function kindsFor({ apiKey, accessKeyId, tenantId }: CallerKey & { tenantId: string }): readonly Kind[] {
  const path = invokePath('orders');
  const small = JSON.stringify({ pad: 'x'.repeat(190) });
  const key = { ...json, 'x-api-key': apiKey };
  const forgedKey = apiKey.replace(/.{4}$/, 'aaaa');
  return [
    { name: 'a normal 200 B call', path, headers: key, body: small },
    { name: 'no credentials', path, headers: json, body: small },
    { name: 'a key that is none', path, headers: { ...json, 'x-api-key': 'nonsense' }, body: small },
    { name: 'a key with a wrong secret', path, headers: { ...json, 'x-api-key': forgedKey }, body: small },
    { name: 'a key of 60 KB', path, headers: { ...json, 'x-api-key': 'k'.repeat(60_000) }, body: small },
    { name: 'a forged signature', path, headers: forged(accessKeyId), body: small },
    {
      name: 'a forged signature over 64 headers',
      path,
      headers: {
        ...forged(accessKeyId, `${many(62, (n) => `a${n}`, ';')};host;x-amz-date`),
        ...Object.fromEntries(Array.from({ length: 62 }, (_, n) => [`a${n}`, 'b, c'])),
      },
      body: small,
    },
    {
      name: 'a forged signature, commas in a signed value',
      path,
      headers: { ...forged(accessKeyId, 'accept;host;x-amz-date'), accept: many(2_000, () => 'a', ', ') },
      body: small,
    },
    {
      name: 'a forged signature, 9,000 signed headers',
      path,
      headers: forged(accessKeyId, `${many(9_000, (n) => `a${n}`, ';')};host;x-amz-date`),
      body: small,
    },
    {
      name: 'a forged signature, 9,000 parameters',
      path: `${path}?${many(9_000, (n) => `a${n}=1`, '&')}`,
      headers: forged(accessKeyId),
      body: small,
    },
    {
      name: 'a forged signature, 60 parameters',
      path: `${path}?${many(60, (n) => `a${n}=1`, '&')}`,
      headers: forged(accessKeyId),
      body: small,
    },
    {
      name: 'Authorization of 60 KB',
      path,
      headers: { ...json, authorization: `AWS4-HMAC-SHA256 ${'k=,'.repeat(20_000)}` },
      body: small,
    },
    {
      name: 'a token of 60 KB',
      path,
      headers: { ...json, authorization: `Bearer ${'a'.repeat(20_000)}.${'b'.repeat(20_000)}.${'c'.repeat(20_000)}` },
      body: small,
    },
    {
      name: 'a token without a signature',
      path,
      headers: {
        ...json,
        authorization: `Bearer ${jwt({ iss: 'https://x.example', aud: `postern:${tenantId}`, exp: 4e9 })}.AAAA`,
      },
      body: small,
    },
    {
      name: '2,000 headers',
      path,
      headers: { ...json, ...Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`x-a${n}`, 'b'])) },
      body: small,
    },
    { name: 'a path of 60 KB', path: `/${'a/'.repeat(30_000)}`, headers: json, body: small },
    { name: 'an unknown path', path: '/robots.txt', method: 'GET', headers: {} },
    {
      name: 'a preflight',
      path,
      method: 'OPTIONS',
      headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
    },
    {
      name: 'a wrong admin token',
      path: '/admin/v1/tenants',
      method: 'GET',
      headers: { authorization: `Bearer ${'x'.repeat(64)}` },
    },
    {
      name: 'an unknown key, 200 KB of body',
      path,
      headers: { ...json, 'x-api-key': 'nonsense' },
      body: Buffer.alloc(200_000, ' '),
      calls: 300,
    },
    {
      name: 'a forged signature, 200 KB of body',
      path,
      headers: forged(accessKeyId),
      body: Buffer.alloc(200_000, ' '),
      calls: 300,
    },
    {
      name: 'an unknown key, 6 MB of body',
      path,
      headers: { ...json, 'x-api-key': 'nonsense' },
      body: Buffer.alloc(6_000_000, ' '),
      calls: 40,
    },
    {
      name: 'an unknown path, 6 MB of body',
      path: '/unknown',
      headers: json,
      body: Buffer.alloc(6_000_000, ' '),
      calls: 40,
    },
    {
      name: 'a forged signature that declares no hash, 6 MB of body',
      path,
      headers: forged(accessKeyId),
      body: Buffer.alloc(6_000_000, ' '),
      calls: 40,
    },
    {
      name: 'a forged signature that declares a hash, 6 MB of body',
      path,
      headers: { ...forged(accessKeyId), 'x-amz-content-sha256': '0'.repeat(64) },
      body: Buffer.alloc(6_000_000, ' '),
      calls: 40,
    },
  ];
}

function send(origin: string, agent: Agent, { method = 'POST', path, headers, body }: Kind): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const { hostname, port } = new URL(origin);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  httpRequest({ hostname, port, path, method, headers: { ...length, ...headers }, agent, maxHeaderSize: 65_536 })
    .on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    })
    .on('error', (error: Error & { code?: string }) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(0) : reject(error),
    )
    .end(body);
  return promise;
}

/** CPU of the gateway for each kind of unproved request, beside that of a normal 200 B call: a table. */
export async function benchRefused(folder: string, tell: (line: string) => void): Promise<string> {
  const upstream = await startUpstream(folder);
  const site = { folder: join(folder, 'postern'), upstream: upstream.origin };
  await mkdir(site.folder);
  const postern = await startPostern(site);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  pinSelf('load');
  try {
    const kinds = kindsFor(await postern.makeTenant());
    const costs = new Map<string, { statuses: Set<number>; micros: number[] }>();
    const run = async (kind: Kind, calls: number) => {
      const before = await cpuMicroseconds(postern.server.pid);
      const statuses = new Set<number>();
      for (let made = 0; made < calls; made++) statuses.add(await send(postern.origin, agent, kind));
      return { statuses, micros: ((await cpuMicroseconds(postern.server.pid)) - before) / calls };
    };
    for (let round = 0; round < ROUNDS; round++) {
      tell(`round ${round + 1} of ${ROUNDS}`);
      for (const kind of kinds) {
        await run(kind, Math.min(WARM_UP_CALLS, kind.calls ?? WARM_UP_CALLS));
        const { statuses, micros } = await run(kind, kind.calls ?? 1_500);
        const cost = costs.get(kind.name) ?? { statuses: new Set<number>(), micros: [] };
        costs.set(kind.name, { statuses: new Set([...cost.statuses, ...statuses]), micros: [...cost.micros, micros] });
      }
    }
    const normal = median(costs.get(kinds[0]?.name ?? '')?.micros ?? []);
    const rows = [...costs].map(([name, { statuses, micros }]) => {
      const middle = median(micros);
      return `| ${name} | ${[...statuses].join(', ')} | ${middle.toFixed(0)} | ${(middle / normal).toFixed(2)} |`;
    });
    return ['| kind | answered | CPU, us | to a normal call |', '|---|--:|--:|--:|', ...rows].join('\n');
  } finally {
    agent.destroy();
    await postern.stop();
    await upstream.stop();
  }
}
