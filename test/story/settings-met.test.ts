import { describe, expect, it } from 'vitest';
import { admin, invokePath, makeTenant, send } from '../support/postern.ts';
import { signCall } from '../support/sign.ts';
import { usePostern } from '../support/use-postern.ts';

const postern = usePostern();
const create = async (policy: object) => {
  const { status, body } = await admin<{ errors?: { pointer: string; detail: string }[] }>(
    postern,
    'POST',
    '/tenants',
    {
      name: 'story',
      policy,
    },
  );
  return { status, faults: (body.errors ?? []).map((error) => `${error.pointer} ${error.detail}`) };
};

describe('B8: addresses', () => {
  it.each(['010.0.0.0/8', '0x0a.0.0.0/8', '10.0/16', '167772160/8', '::ffff:010.0.0.0/104', '10.0.0.0/08'])(
    'refuses the range %s',
    async (range) => {
      const { status, faults } = await create({ ipAllow: [range] });
      expect([status, faults.join()]).toEqual([400, expect.stringContaining('#/policy/ipAllow/0 must be a range')]);
    },
  );

  it('a caller whose address is spelled so that it means two is refused', async () => {
    const { apiKey } = await makeTenant(postern, [], {
      policy: { allow: [{ function: '*' }], ipAllow: ['8.0.0.0/8', '10.0.0.0/8'] },
    });
    const from = async (address: string) => {
      const headers = { 'x-api-key': apiKey, 'content-type': 'application/json', 'cf-connecting-ip': address };
      const answer = await send(postern.gateway, invokePath('hello'), { headers, body: '{}' });
      return answer.headers['x-postern-refusal'] ?? answer.status;
    };
    expect(await from('10.1.1.1')).toBe(200);
    expect(await from('::ffff:10.1.1.1')).toBe(200);
    for (const odd of ['010.1.1.1', '0x0a.1.1.1', '10.1', '167837953', '::ffff:010.1.1.1']) {
      expect(await from(odd)).toBe('address-not-allowed');
    }
  });
});

describe('D10: a web page', () => {
  const origin = 'https://app.example';

  it('reads the date, and a refusal that comes before its tenant is known', async () => {
    const tenant = await makeTenant(postern, [], { policy: { allow: [{ function: '*' }], corsOrigins: [origin] } });
    const { body: pair } = await admin<{ accessKeyId: string; secretAccessKey: string }>(
      postern,
      'POST',
      `/tenants/${tenant.id}/keys`,
      {},
    );
    const host = new URL(postern.gateway).host;
    const late = signCall(host, pair, {
      path: invokePath('hello'),
      headers: { origin },
      body: '{}',
      atMs: Date.now() - 3_600_000,
    });
    const headersOf = async (path: string, headers: Record<string, string | string[]>) =>
      (await send(postern.gateway, path, { headers, body: '{}' })).headers;
    for (const [reason, headers] of [
      ['signature-expired', await headersOf(late.path, late.headers)],
      ['key-malformed', await headersOf(invokePath('hello'), { origin, 'x-api-key': 'nonsense' })],
      ['no-credentials', await headersOf(invokePath('hello'), { origin })],
    ] as const) {
      expect([headers['x-postern-refusal'], headers['access-control-allow-origin']]).toEqual([reason, origin]);
      expect(headers['access-control-expose-headers']).toMatch(/(^|, )date(,|$)/);
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      expect(headers).not.toHaveProperty('ratelimit');
    }
  });

  it('that its tenant does not name reads nothing that only a proved caller may read', async () => {
    const { apiKey } = await makeTenant(postern, [{ function: '*' }]);
    const headers = { origin, 'x-api-key': apiKey, 'content-type': 'application/json' };
    const answer = await send(postern.gateway, invokePath('hello'), { headers, body: '{}' });
    expect([answer.headers['x-postern-refusal'], answer.headers['access-control-allow-origin']]).toEqual([
      'origin-not-allowed',
      undefined,
    ]);
  });
});

describe('D12: a setting that can never match is refused', () => {
  const all = [{ function: '*' }];
  it.each([
    ['/corsOrigins/0', { allow: all, corsOrigins: ['https://*.example.com'] }],
    ['/ipAllow/0', { allow: all, ipAllow: ['::ffff:203.0.113.0/120'] }],
    ['/publish/p', { allow: [{ function: 'a' }], publish: { p: 'b' } }],
    ['/publish/p', { allow: all, deny: [{ function: 'b' }], publish: { p: 'b' } }],
    ['/publish/p', { allow: [{ function: '*', qualifiers: ['live'] }], publish: { p: 'b:1' } }],
    [
      '/publish/p',
      {
        allow: [{ function: 'b', types: ['Event'] }],
        deny: [{ function: '*', types: ['Event'] }],
        publish: { p: 'b' },
      },
    ],
    [
      '/allow/0/function',
      { allow: [{ function: 'b', types: ['Event'] }], deny: [{ function: '*', types: ['Event'] }] },
    ],
    ['/publishedOnly', { allow: all, publishedOnly: true }],
    ['/allow/1/function', { allow: [{ function: 'a' }, { function: 'b' }], publish: { p: 'a' }, publishedOnly: true }],
  ])('%s of %j', async (pointer, policy) => {
    const { status, faults } = await create(policy);
    const found = faults.filter((fault) => fault.startsWith(`#/policy${pointer} can never match`));
    expect([status, found.length]).toEqual([400, 1]);
  });

  it('and one that is met is taken', async () => {
    const policy = {
      allow: [{ function: 'b', types: ['Event', 'DryRun'] }],
      deny: [{ function: '*', types: ['Event'] }],
      publish: { p: 'b:live' },
      publishedOnly: true,
      corsOrigins: ['https://app.example.com', 'http://[::1]:8080', 'http://localhost:3000'],
      ipAllow: ['203.0.113.0/24', '2001:db8::/32', '::/0'],
    };
    expect(await create(policy)).toEqual({ status: 201, faults: [] });
  });
});
