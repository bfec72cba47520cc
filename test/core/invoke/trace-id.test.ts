import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTraceId } from '../../../src/core/invoke/trace-id.ts';

const ROOT = '1-5759e988-bd862e3fe1be46a994272793';

describe('D8: readTraceId', () => {
  it.each([
    [`Root=${ROOT}`, `Root=${ROOT}`],
    [`Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`, `Root=${ROOT};Parent=53995c3f42cd8ad8;Sampled=1`],
    [`Self=${ROOT}; Root=${ROOT} ;Sampled=?`, `Self=${ROOT};Root=${ROOT};Sampled=?`],
    [`Root=${ROOT};Lineage=1:a87bd80c:0`, `Root=${ROOT};Lineage=1:a87bd80c:0`],
    [`Root=${ROOT};Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2`, `Root=${ROOT};Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2`],
    // What Lambda does not read goes no further.
    [`Root=${ROOT};CalledFrom=app;Sampled=0`, `Root=${ROOT};Sampled=0`],
  ])('takes %s', (given, sent) => {
    expect(readTraceId(given, undefined)).toBe(sent);
  });

  it.each([
    '',
    'Root=',
    'Sampled=1',
    `Root=${ROOT.toUpperCase()}`,
    `Root=${ROOT};Sampled=2`,
    `Root=${ROOT};Parent=53995c3f42cd8ad`,
    `Root=${ROOT};Root=${ROOT}`,
    `Root=${ROOT}, Root=${ROOT}`,
    `Root=${ROOT};Lineage=${'a'.repeat(257)}`,
    `Root=${ROOT};Lineage=a\r\nx-amz-evil: 1`,
    `Root=${ROOT};x=${'y'.repeat(512)}`,
  ])('leaves out %s', (given) => {
    expect(readTraceId(given, undefined)).toBeUndefined();
  });

  it('derives a trace id from traceparent if there is no readable X-Ray header', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const derived = 'Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1';
    expect(readTraceId(undefined, traceparent)).toBe(derived);
    expect(readTraceId('nonsense', traceparent)).toBe(derived);
    expect(readTraceId(`Root=${ROOT}`, traceparent)).toBe(`Root=${ROOT}`);
    expect(readTraceId(undefined, traceparent.replace(/01$/, '00'))).toContain('Sampled=0');
    expect(readTraceId(undefined, `cc${traceparent.slice(2)}-later`)).toBe(derived);
    for (const bad of [
      traceparent.toUpperCase(),
      `ff${traceparent.slice(2)}`,
      traceparent.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
      traceparent.replace('00f067aa0ba902b7', '0'.repeat(16)),
      traceparent.slice(1),
    ]) {
      expect(readTraceId(undefined, bad)).toBeUndefined();
    }
  });

  it('gives nothing but what a header can carry, whatever came', () => {
    const piece = fc.constantFrom(
      'Root=',
      ROOT,
      ';',
      'Sampled=',
      '1',
      'Lineage=',
      'a:1',
      '|',
      ' ',
      '\r\n',
      'Parent=',
      '%',
      ',',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const sent = readTraceId(pieces.join(''), undefined);
        expect(sent === undefined || /^[A-Za-z0-9=;:|?-]{1,512}$/.test(sent)).toBe(true);
      }),
      { seed: Number(process.env.POSTERN_PROPERTY_SEED ?? 4) },
    );
  });
});
