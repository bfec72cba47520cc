import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPlaceHider } from '../../../src/core/policy/hide-places.ts';

const HOME = '123456789012';
const THEIRS = '222222222222';
const target = { partition: 'aws', region: 'eu-west-1', account: HOME, name: 'orders-prod' };
const hiderOf = (givenName = 'orders') => createPlaceHider({ target, givenName, hiddenAccounts: [HOME, THEIRS] });
const arn = `arn:aws:lambda:eu-west-1:${HOME}:function:orders-prod`;

describe('createPlaceHider', () => {
  it.each([
    [`Function not found: ${arn}:live`, 'Function not found: orders'],
    [`${arn}:2/durable-execution/run/7f`, 'orders/durable-execution/run/7f'],
    [
      `User: arn:aws:sts::${HOME}:assumed-role/exec/orders-prod is not authorized`,
      'User: ************ is not authorized',
    ],
    ['key arn:aws:kms:eu-west-1:999999999999:key/1, again', 'key ************, again'],
    ['arn:aws-cn:lambda:cn-north-1:333333333333:function:other', '************'],
    ['bucket arn:aws:s3:::data/x.', 'bucket ************.'],
    ['arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aorders-prod', 'orders'],
    ['ARN:AWS:LAMBDA:EU-WEST-1:999999999999:FUNCTION:X', '************'],
    [
      'account 1234-5678-9012, or 2222 2222 2222, or x1234567890123',
      'account ************, or ************, or x************3',
    ],
    ['see /aws/lambda/orders-prod for more', 'see /aws/lambda/************ for more'],
    ['nothing of that, 98765', 'nothing of that, 98765'],
  ])('makes of %j: %j', (text, hidden) => {
    expect(hiderOf().hide(text)).toBe(hidden);
  });

  const inUnicode = (text: string, backslash = '\\') =>
    [...text].map((char) => `${backslash}u00${char.charCodeAt(0).toString(16)}`).join('');

  it.each([
    ['in every character', inUnicode(HOME)],
    ['in some digits, upper or lower case', `12${inUnicode('345')}67890${inUnicode('12')}`],
    ['in JSON within JSON', inUnicode(HOME, '\\\\')],
    ['in an ARN', inUnicode(`arn:aws:iam::${THEIRS}:role/x`)],
    ['by its slashes', `\\/aws\\/lambda\\/orders-prod`],
  ])('B2: hides what JSON escapes %s', (_, escaped) => {
    for (const text of [JSON.stringify({ Message: '?' }), 'REPORT ?', '?'].map((one) =>
      one.replace('?', () => escaped),
    )) {
      const shown = [hiderOf().hide(text), hiderOf().hideLogTail(text)].map((one) => one.replace(/\\u00(..)/g, '$1'));
      for (const one of shown) expect(one).not.toMatch(/3[0-9]3[0-9]|\d{4}|orders-prod/);
    }
    expect(() => JSON.parse(hiderOf().hide(`{"Message":"${escaped}\\u0022\\u005c"}`))).not.toThrow();
  });

  it('B2: leaves other escapes as they are', () => {
    for (const text of ['\\u003cb\\u003e \\n \\" \\\\ \\u00e9 \\u0022 \\u005c', 'C:\\temp'])
      expect(hiderOf().hide(text)).toBe(text);
  });

  it('tells no account by the name that the caller gave either', () => {
    expect(hiderOf(`${HOME}:function:orders-prod`).hide(arn)).toBe('************:function:orders-prod');
    expect(hiderOf(arn).hide(arn)).toBe('************');
  });

  it('hides what a log tail begins in the middle of', () => {
    const log = `${arn} said hello `.repeat(200);
    for (let cut = 0; cut < arn.length; cut++) {
      const tail = log.slice(cut, cut + 4_096);
      const hidden = hiderOf().hideLogTail(tail);
      expect(hidden.slice(0, 40)).not.toMatch(/\d{2}|orders-prod/);
    }
    expect(hiderOf().hideLogTail('9012:function:x')).toBe('************:function:x');
    expect(hiderOf().hideLogTail('START RequestId: 7')).toBe('START RequestId: 7');
  });

  it('leaves no ARN and no account id of the list in any text', () => {
    const piece = fc.oneof(
      fc.constantFrom(HOME, THEIRS, arn, `${arn}:live`, 'arn:aws:', ':function:', `arn:aws:iam::${THEIRS}:role/x`),
      fc.constantFrom(' ', '"', '\\', ':', '-', '1', '12', '\n', '%3A', 'arn', '*'),
      fc.string({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom('orders', HOME, '9012', arn), (pieces, given) => {
        const text = pieces.join('');
        for (const hidden of [hiderOf(given).hide(text), hiderOf(given).hideLogTail(text)]) {
          expect(hidden).not.toContain(HOME);
          expect(hidden).not.toContain(THEIRS);
          expect(hidden).not.toMatch(/arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:\d{12}:/i);
        }
      }),
      { numRuns: 3_000, seed: Number(process.env.POSTERN_PROPERTY_SEED ?? 4) },
    );
  });
});
