import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FUNCTION_NAME_PATTERN, parseFunctionName } from '../../../src/core/invoke/function-name.ts';

/** The document's own pattern (API_Invoke, FunctionName), and the service model's of 2026-07, which groups otherwise. */
const DOCUMENT =
  /^(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?$/;
const MODEL =
  /^(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:|(((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?))(function:)?([a-zA-Z0-9-_.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$/;
const WIDENED = new RegExp(`^${FUNCTION_NAME_PATTERN}$`);

const name = fc.stringMatching(/^[a-zA-Z0-9_.-]{1,12}$/);
const part = fc.oneof(
  fc.constantFrom(
    'arn',
    'aws',
    'aws-cn',
    'aws-us-gov',
    '',
    'lambda',
    'function',
    'ec2',
    '$LATEST',
    '$LATEST.PUBLISHED',
  ),
  fc.constantFrom('us-east-1', 'us-gov-west-1', 'eusc-de-east-1', 'us-isob-east-1', 'us-east-11', 'xx-1'),
  fc.constantFrom('123456789012', '12345678901', '1234567890123'),
  name,
  fc.string({ maxLength: 3 }),
);
/** Mostly made of the right parts, in right and wrong orders. */
const candidate = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(':'));

describe('parseFunctionName', () => {
  it('agrees with the widened pattern on what is valid, and on what is what', () => {
    fc.assert(
      fc.property(candidate, (value) => {
        const parsed = parseFunctionName(value, 10_000);
        const match = WIDENED.exec(value);
        if (!parsed.ok && parsed.error.kind === 'length') return;
        expect(parsed.ok).toBe(match !== null);
        if (!parsed.ok || !match) return;
        const { partition, region, account, name, qualifier } = parsed.value;
        expect({ partition, region, account, name, qualifier }).toEqual({
          partition: match[2] || undefined,
          region: match[3]?.slice(0, -1),
          account: match[9]?.slice(0, -1),
          name: match[11],
          qualifier: match[13],
        });
      }),
      { numRuns: 20_000 },
    );
  });

  it('accepts whatever the document or the newest model accepts', () => {
    fc.assert(
      fc.property(candidate, (value) => {
        fc.pre(DOCUMENT.test(value) || MODEL.test(value));
        const parsed = parseFunctionName(value, 10_000);
        expect(parsed.ok || parsed.error.kind === 'length').toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['my-function', { name: 'my-function' }],
    ['my-function:v1', { name: 'my-function', qualifier: 'v1' }],
    ['my-function:$LATEST', { name: 'my-function', qualifier: '$LATEST' }],
    ['my-function:$LATEST.PUBLISHED', { name: 'my-function', qualifier: '$LATEST.PUBLISHED' }],
    ['function:my-function', { name: 'my-function' }],
    ['123456789012:function:f', { account: '123456789012', name: 'f' }],
    ['123456789012:f', { account: '123456789012', name: 'f' }],
    ['us-west-2:123456789012:function:f', { region: 'us-west-2', account: '123456789012', name: 'f' }],
    [
      'arn:aws:lambda:us-west-2:123456789012:function:f:2',
      { partition: 'aws', region: 'us-west-2', account: '123456789012', name: 'f', qualifier: '2' },
    ],
    [
      'arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f',
      { partition: 'aws-us-gov', region: 'us-gov-west-1', account: '123456789012', name: 'f' },
    ],
    ['function:$LATEST', { name: 'function', qualifier: '$LATEST' }],
    ['123456789012', { name: '123456789012' }],
    ['us-east-1', { name: 'us-east-1' }],
    [
      'arn:aws:lambda:us-east-1:123456789012:function',
      { partition: 'aws', region: 'us-east-1', account: '123456789012', name: 'function' },
    ],
  ])('takes %s apart', (value, expected) => {
    expect(parseFunctionName(value)).toEqual({ ok: true, value: expected });
  });

  it.each([
    'my-function!',
    '*',
    '',
    ':',
    'f:',
    'f:1:2',
    'f:$LATES',
    'f:$latest.x',
    'function:f:$LATEST:extra',
    'invalid-account:function:f',
    'arn:aws:ec2:us-east-1:123456789012:function:f',
    'a b',
    'f\n',
    'f/g',
    'é',
  ])('rejects %j by the pattern', (value) => {
    expect(parseFunctionName(value)).toEqual({ ok: false, error: { kind: 'pattern' } });
  });

  it('accepts a bare name of 64 characters and rejects one of 65', () => {
    expect(parseFunctionName('a'.repeat(64)).ok).toBe(true);
    expect(parseFunctionName(`${'a'.repeat(64)}:live`).ok).toBe(true);
    expect(parseFunctionName('a'.repeat(65))).toEqual({ ok: false, error: { kind: 'length', max: 64 } });
    expect(parseFunctionName(`function:${'a'.repeat(65)}:live`)).toEqual({
      ok: false,
      error: { kind: 'length', max: 64 },
    });
  });

  it('accepts a value of 170 characters and rejects one of 171, unless more is asked for', () => {
    const arn = (length: number) => {
      const prefix = 'arn:aws:lambda:us-east-1:123456789012:function:';
      return prefix + 'a'.repeat(length - prefix.length);
    };
    expect(parseFunctionName(arn(170)).ok).toBe(true);
    expect(parseFunctionName(arn(171))).toEqual({ ok: false, error: { kind: 'length', max: 170 } });
    expect(parseFunctionName(arn(256), 256).ok).toBe(true);
    expect(parseFunctionName(arn(257), 256)).toEqual({ ok: false, error: { kind: 'length', max: 256 } });
  });
});
