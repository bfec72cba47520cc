import { invokePath } from '../../support/postern.ts';
import { openRaw, type RawConnection, sendRaw } from '../../support/raw-client.ts';
import { FAULTS } from '../../support/upstream-faults.ts';
import type { HostileTenant, World } from './world.ts';

/** What an attacker has: tenants of its own, and the key ids of others, which are no secret. */
export interface AttackInput {
  readonly world: World;
  readonly attackers: readonly [HostileTenant, HostileTenant];
  readonly victim: HostileTenant;
  /** Aborted when the attack is over. */
  readonly until: AbortSignal;
}

export interface Attack {
  readonly name: string;
  readonly run: (input: AttackInput) => Promise<void>;
}

const json = ['content-type', 'application/json'] as const;
const streamPath = (name: string) => `/2021-11-15/functions/${name}/response-streaming-invocations`;
const amzDate = () => new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
const pause = (ms: number) => new Promise<void>((waited) => setTimeout(waited, ms));

/** Headers of a request that is signed with a key id and no secret. */
const forged = (keyId: string, signedHeaders = 'host;x-amz-date'): [string, string][] => {
  const date = amzDate();
  const scope = `${keyId}/${date.slice(0, 8)}/us-east-1/lambda/aws4_request`;
  const signature = '0'.repeat(64);
  return [
    ['x-amz-date', date],
    ['authorization', `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`],
  ];
};

/** Does a thing again and again on so many lanes until the attack is over. */
async function inLanes(lanes: number, until: AbortSignal, once: (lane: number) => Promise<unknown>): Promise<void> {
  const lane = async (index: number) => {
    while (!until.aborted) {
      await once(index).catch(() => {});
      await pause(1);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)));
}

/** Keeps so many connections as they are until the attack is over, each opened anew when the gateway ends it. */
async function hold(
  { world, until }: AttackInput,
  count: number,
  begin: (connection: RawConnection, index: number) => void,
  { dripMs, readable = true }: { dripMs?: number; readable?: boolean } = {},
): Promise<void> {
  const opened = new Set<number>();
  await inLanes(count, until, async (index) => {
    // One after the other at first, so that each takes all that it can get.
    if (!opened.has(index)) await pause(Math.min(index * 25, 1_000));
    opened.add(index);
    // From an address of its own: behind the victim's own address nobody can be told from the victim before a proof.
    const connection = await openRaw(world.gateway, { readable, localAddress: '127.0.0.2' });
    begin(connection, index);
    const drip = dripMs === undefined ? undefined : setInterval(() => connection.socket.write(' '), dripMs);
    const over = new Promise<void>((done) => until.addEventListener('abort', () => done(), { once: true }));
    await Promise.race([connection.closed, over]);
    clearInterval(drip);
    connection.close();
  });
}

const MEGABYTE_OF_SPACES = Buffer.alloc(1_050_000, ' ');
const BIG = JSON.stringify({ bytes: 5_000_000 });
const NEARLY_JSON = Buffer.concat([Buffer.from('['), Buffer.from('1,'.repeat(2_900_000)), Buffer.from('!]')]);

/** At which point of a call its caller resets. */
const STAGES: readonly ((connection: RawConnection, attacker: HostileTenant) => Promise<void>)[] = [
  async ({ socket }) => void socket.write('POST /2015-03-31/func'),
  async (connection, { apiKey }) =>
    connection.writeHead('POST', invokePath('hello'), [['x-api-key', apiKey], json, ['content-length', '1000']]),
  async (connection, { apiKey }) => {
    const head = [['x-api-key', apiKey], json, ['content-length', '4000000']] as const;
    connection.writeHead('POST', invokePath('hello'), head);
    connection.socket.write(MEGABYTE_OF_SPACES);
    await pause(20);
  },
  async (connection, { keyId }) => {
    connection.writeHead('POST', invokePath('hello'), [...forged(keyId), json, ['content-length', '4000000']]);
    connection.socket.write(MEGABYTE_OF_SPACES);
    await pause(20);
  },
  async (connection, { apiKey }) => sendCall(connection, apiKey, invokePath('slow'), '{"ms":200}'),
  async (connection, { apiKey }) => {
    sendCall(connection, apiKey, streamPath('stream'), '{"chunks":5,"bytes":2000,"delayMs":40}');
  },
  async (connection, { apiKey }) => {
    sendCall(connection, apiKey, streamPath('stream'), '{"chunks":10,"bytes":20000,"delayMs":20}');
    await pause(60);
  },
  async (connection, { apiKey }) => sendCall(connection, apiKey, invokePath('big'), '{"bytes":300000}'),
  async (connection, { apiKey }) => {
    sendCall(connection, apiKey, invokePath('big'), BIG);
    await pause(30);
  },
];

function sendCall(connection: RawConnection, apiKey: string, path: string, body: string): void {
  connection.writeHead('POST', path, [['x-api-key', apiKey], json, ['content-length', String(body.length)]]);
  connection.socket.write(body);
}

const leavingBy =
  (way: 'reset' | 'close') =>
  async ({ world, attackers: [attacker], until }: AttackInput) => {
    let turn = 0;
    await inLanes(8, until, async () => {
      const stage = STAGES[turn++ % STAGES.length];
      const connection = await openRaw(world.gateway, { readable: false });
      await stage?.(connection, attacker);
      await pause(turn % 4);
      connection[way]();
      await connection.closed;
    });
  };

const oversized = ({ keyId, apiKey }: HostileTenant): readonly (readonly [string, [string, string][], string?])[] => [
  [invokePath('hello'), [['authorization', `AWS4-HMAC-SHA256 ${'k=,'.repeat(40_000)}`]]],
  [invokePath('hello'), [['authorization', `Bearer ${'a'.repeat(100_000)}`]]],
  [
    invokePath('hello'),
    [['authorization', `Bearer ${'a'.repeat(30_000)}.${'b'.repeat(30_000)}.${'c'.repeat(30_000)}`]],
  ],
  [invokePath('hello'), [['x-api-key', 'k'.repeat(100_000)]]],
  [invokePath('hello'), forged(keyId, `host;x-amz-date;${Array.from({ length: 9_000 }, (_, n) => `a${n}`).join(';')}`)],
  [invokePath('hello'), [...forged(keyId, 'accept;host;x-amz-date'), ['accept', 'a, '.repeat(20_000)]]],
  [invokePath('hello', Array.from({ length: 9_000 }, (_, n) => `a${n}=1`).join('&')), forged(keyId)],
  [invokePath('h'.repeat(50_000)), [['x-api-key', apiKey]]],
  [invokePath('hello', `Qualifier=${'q'.repeat(50_000)}`), [['x-api-key', apiKey]]],
  [
    invokePath('hello'),
    [
      ['x-api-key', apiKey],
      ['x-amz-client-context', 'e30'.repeat(30_000)],
    ],
  ],
  [
    invokePath('hello'),
    [['x-api-key', apiKey], ...Array.from({ length: 2_000 }, (_, n): [string, string] => [`x-a${n}`, 'b'])],
  ],
  [`/${'a/'.repeat(30_000)}`, []],
  [
    invokePath('hello'),
    [
      ['x-api-key', apiKey],
      ['cookie', 'c'.repeat(90_000)],
    ],
  ],
];

/** Every attack. Each continues until stopped, and leaves nothing open. */
export const ATTACKS: readonly Attack[] = [
  {
    name: 'forged and fast',
    run: ({ world, attackers, victim, until }) =>
      inLanes(8, until, (lane) =>
        sendRaw(world.gateway, invokePath('hello'), {
          headers: Object.fromEntries([...forged([victim, ...attackers][lane % 3]?.keyId ?? ''), json]),
          body: lane < 4 ? '{}' : Buffer.alloc(200_000, ' '),
        }),
      ),
  },
  {
    name: 'forged and slow',
    run: (input) =>
      hold(
        input,
        16,
        (connection, index) => {
          const of = [input.victim, ...input.attackers][index % 3];
          const head = [...forged(of?.keyId ?? ''), json, ['content-length', '6291456'] as const] as const;
          connection.writeHead('POST', invokePath('hello'), head);
          connection.socket.write(MEGABYTE_OF_SPACES);
        },
        { dripMs: 700 },
      ),
  },
  {
    name: 'without a key, a byte at a time',
    run: (input) =>
      hold(
        input,
        200,
        (connection) => {
          const head = [['x-api-key', 'nonsense'], json, ['content-length', '6291456']] as const;
          connection.writeHead('POST', invokePath('hello'), head);
          connection.socket.write('0123456789');
        },
        { dripMs: 900 },
      ),
  },
  {
    name: 'honest but slow',
    run: (input) =>
      hold(
        input,
        24,
        (connection, index) => {
          const apiKey = input.attackers[index % 2]?.apiKey ?? '';
          connection.writeHead('POST', invokePath('identity'), [
            ['x-api-key', apiKey],
            json,
            ['content-length', '6000000'],
          ]);
          connection.socket.write(MEGABYTE_OF_SPACES);
        },
        { dripMs: 500 },
      ),
  },
  {
    name: 'large payloads to slow functions',
    run: ({ world, attackers, until }) => {
      const body = Buffer.from(JSON.stringify({ ms: 1_500, pad: 'x'.repeat(5_999_000) }));
      return inLanes(16, until, (lane) =>
        sendRaw(world.gateway, invokePath('slow'), {
          headers: Object.fromEntries([json, ['x-api-key', attackers[lane % 2]?.apiKey ?? '']]),
          body,
          timeoutMs: 10_000,
        }),
      );
    },
  },
  {
    name: 'slow readers',
    run: (input) =>
      hold(
        input,
        24,
        (connection, index) => {
          const { apiKey } = input.attackers[0];
          if (index % 2 === 0) sendCall(connection, apiKey, invokePath('big'), BIG);
          else sendCall(connection, apiKey, streamPath('stream'), '{"chunks":2000,"bytes":4000,"delayMs":1}');
        },
        { readable: false },
      ),
  },
  { name: 'reset at each stage', run: leavingBy('reset') },
  { name: 'closed at each stage', run: leavingBy('close') },
  {
    name: 'oversized everything',
    run: async ({ world, attackers: [attacker], victim, until }) => {
      const requests = [...oversized(attacker), ...oversized({ ...victim, apiKey: attacker.apiKey })];
      let turn = 0;
      await inLanes(8, until, async () => {
        const [path, headers] = requests[turn++ % requests.length] ?? ['/', []];
        const connection = await openRaw(world.gateway);
        connection.writeHead('POST', path, [...headers, json, ['content-length', '2'], ['connection', 'close']]);
        connection.socket.write('{}');
        await Promise.race([connection.closed, pause(2_000)]);
        connection.close();
      });
    },
  },
  {
    name: 'bodies without end',
    run: ({ world, attackers: [attacker], until }) =>
      inLanes(4, until, async (lane) => {
        const connection = await openRaw(world.gateway);
        const credentials = lane % 2 === 0 ? ['x-api-key', attacker.apiKey] : ['x-api-key', 'nonsense'];
        const head = [[credentials[0] ?? '', credentials[1] ?? ''], json, ['transfer-encoding', 'chunked']] as const;
        connection.writeHead('POST', invokePath('hello'), head);
        const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, ' '), Buffer.from('\r\n')]);
        for (let sent = 0; sent < 1_600 && !until.aborted && connection.socket.writable; sent++) {
          if (!connection.socket.write(piece)) {
            const drained = new Promise((done) => connection.socket.once('drain', done));
            await Promise.race([drained, connection.closed, pause(500)]);
          }
        }
        connection.close();
      }),
  },
  {
    name: 'payloads that are nearly JSON',
    run: ({ world, attackers: [attacker], until }) =>
      inLanes(6, until, () =>
        sendRaw(world.gateway, invokePath('hello'), {
          headers: Object.fromEntries([json, ['x-api-key', attacker.apiKey]]),
          body: NEARLY_JSON,
        }),
      ),
  },
  {
    name: 'idle connections',
    run: (input) => hold(input, 400, () => {}),
  },
  {
    name: 'wrong admin tokens',
    run: ({ world, until }) =>
      inLanes(8, until, () =>
        sendRaw(world.gateway, '/admin/v1/tenants', {
          method: 'GET',
          headers: { authorization: `Bearer ${'nonsense'.repeat(6)}` },
        }),
      ),
  },
  {
    name: 'every slot taken by functions that take long',
    run: ({ world, attackers, until }) =>
      inLanes(60, until, (lane) =>
        sendRaw(world.gateway, invokePath('slow'), {
          headers: Object.fromEntries([json, ['x-api-key', attackers[lane % 2]?.apiKey ?? '']]),
          body: '{"ms":1000}',
          timeoutMs: 400 + lane * 50,
        }),
      ),
  },
  {
    name: 'an upstream that misbehaves in every way',
    run: ({ world, attackers: [attacker], until }) => {
      const names = Object.keys(FAULTS);
      let turn = 0;
      return inLanes(12, until, () =>
        sendRaw(world.gateway, invokePath(`fault-${names[turn++ % names.length]}`), {
          headers: Object.fromEntries([json, ['x-api-key', attacker.apiKey]]),
          body: turn % 3 === 0 ? Buffer.from(`"${'x'.repeat(200_000)}"`) : '{}',
          timeoutMs: 400,
        }),
      );
    },
  },
];
