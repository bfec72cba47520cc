import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/core/settings.ts';

const GOOD = {
  POSTERN_ROOT_KEYS: `1:${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`,
  POSTERN_ADMIN_TOKEN: '0123456789abcdefghijklmnopqrstuv',
  AWS_ACCOUNT_ID: '123456789012',
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE000000000',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-operator',
};

const problems = (env: Record<string, unknown>) => {
  const read = readSettings(env);
  return read.ok ? [] : read.error;
};

describe('readSettings', () => {
  it('reads what is complete', () => {
    expect(readSettings({ ...GOOD, AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:9001/' })).toMatchObject({
      ok: true,
      value: { region: 'eu-west-1', lambdaEndpoint: 'http://127.0.0.1:9001', maxFunctionNameLength: 170 },
    });
  });

  it('checks payloads by default', () => {
    expect(readSettings(GOOD)).toMatchObject({ value: { checkJson: true } });
    expect(readSettings({ ...GOOD, POSTERN_CHECK_JSON: 'off' })).toMatchObject({ value: { checkJson: false } });
  });

  it('D9: names functions by ARN, or by name where there is an endpoint for that', () => {
    const endpoint = { AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:3002' };
    expect(readSettings(GOOD)).toMatchObject({ value: { lambdaNames: 'arn' } });
    expect(readSettings({ ...GOOD, ...endpoint, POSTERN_LAMBDA_NAMES: 'name' })).toMatchObject({
      value: { lambdaNames: 'name' },
    });
    expect(problems({ ...GOOD, POSTERN_LAMBDA_NAMES: 'name', AWS_ENDPOINT_URL_LAMBDA: undefined })).toEqual([
      expect.stringContaining('set AWS_ENDPOINT_URL_LAMBDA'),
    ]);
    expect(problems({ ...GOOD, ...endpoint, POSTERN_LAMBDA_NAMES: 'Name' })).toEqual([
      expect.stringContaining("'arn' or 'name'"),
    ]);
  });

  it.each(Object.keys(GOOD))('names %s when it is missing, and nothing else', (name) => {
    const found = problems({ ...GOOD, [name]: undefined });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} is not set: `));
  });

  it.each([
    ['POSTERN_ROOT_KEYS', '1:short'],
    ['POSTERN_ADMIN_TOKEN', 'too-short'],
    ['AWS_ACCOUNT_ID', '12345'],
    ['AWS_REGION', 'mars-north-1'],
    ['AWS_REGION', 'eu-west-1.evil.example/'],
    ['AWS_ACCESS_KEY_ID', 'with space'],
    ['AWS_SECRET_ACCESS_KEY', 'with space'],
    ['POSTERN_CLIENT_IP_HEADER', 'x-real-ip, x-other'],
    ['POSTERN_HOSTS', 'https://gateway.example'],
    ['POSTERN_HOSTS', 'gateway.example,,'],
    ['POSTERN_ADMIN_TOKEN', `with a space ${'x'.repeat(32)}`],
    ['AWS_SECRET_ACCESS_KEY', 'geheimnisßß'],
    ['AWS_SESSION_TOKEN', 't\nX: y'],
    ['AWS_ENDPOINT_URL_LAMBDA', 'http://127.0.0.1:99999'],
    ['AWS_ENDPOINT_URL_LAMBDA', 'ftp://host'],
    ['AWS_ENDPOINT_URL_LAMBDA', 'https://user@host'],
    ['POSTERN_MAX_FUNCTION_NAME_LENGTH', '100'],
    ['POSTERN_MAX_FUNCTION_NAME_LENGTH', '257'],
    ['POSTERN_CHECK_JSON', 'maybe'],
    ['POSTERN_CONTENT_TYPES', 'any'],
  ])('names %s when it is %j, without its value', (name, value) => {
    const found = problems({ ...GOOD, [name]: value });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
    expect(found[0]).not.toContain(value);
  });

  it('names both versions of a root key that is there twice', () => {
    const [key, other] = ['0123456789abcdefghijklmnopqrstuv', 'vutsrqponmlkjihgfedcba9876543210'].map((text) =>
      Buffer.from(text).toString('base64'),
    );
    const rootKeys = (...keys: readonly string[]) => problems({ ...GOOD, POSTERN_ROOT_KEYS: keys.join(',') });
    expect(rootKeys(`2:${key}`, `1:${other}`)).toEqual([]);
    expect(rootKeys(`12:${key}`, `7:${other}`, `3:${key}`)).toEqual([
      expect.stringMatching(/^POSTERN_ROOT_KEYS versions 12 and 3 hold the same key: /),
    ]);
    expect(rootKeys(`2:${key}`, `2:${other}`)).toEqual(['POSTERN_ROOT_KEYS has version 2 twice']);
  });

  it.each([
    ['POSTERN_ROOT_KEYS', `1:${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`, 2],
    ['AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 0],
    ['AWS_SESSION_TOKEN', 'a-session-token-of-at-least-32-characters', 0],
  ])('refuses the secret of %s as the admin token', (name, secret, from) => {
    const found = problems({ ...GOOD, [name]: secret, POSTERN_ADMIN_TOKEN: secret.slice(from) });
    expect(found).toEqual([expect.stringMatching(/^POSTERN_ADMIN_TOKEN is part of another secret: /)]);
  });

  it('says everything that is wrong at once', () => {
    expect(problems({})).toHaveLength(6);
  });
});
