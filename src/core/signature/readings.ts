import { SIGNATURE_LIMITS } from './limits.ts';

/** A signed header by lower-case name, with its value as it came: trimmed, runs of spaces as one. */
export type SignedValue = readonly [name: string, value: string];

const SPACED = ', ';

/**
 * The ways in which signed values may have left their caller. A header that was sent in two lines is signed as `a,b` and
 * arrives as `a, b`, like one that was sent so in one line: so each comma with a space behind it may have been without.
 * That space is all of a signed header that can change unseen, and no argument of a call has a comma.
 *
 * Few commas are tried in every way. With more of them, first each header in one way for all of its commas, then one comma
 * at a time.
 *
 * @param most how many ways may be tried; the first, as the values came, is always there.
 */
export function* readingsOf(values: readonly SignedValue[], most: number): Generator<readonly SignedValue[]> {
  const limit = Math.max(1, Math.min(most, SIGNATURE_LIMITS.maxReadings));
  yield values;
  if (limit === 1) return;
  const listed = values.flatMap(([, value], header) =>
    value.includes(SPACED) ? [{ header, commas: count(value) }] : [],
  );
  if (listed.length === 0) return;
  const commas = listed.flatMap(({ header, commas: n }) =>
    Array.from({ length: n }, (_, comma) => ({ header, comma })),
  );
  const seen = new Set<string>([keyOf(() => false)]);

  function keyOf(isJoined: (header: number, comma: number) => boolean): string {
    return commas.map(({ header, comma }) => (isJoined(header, comma) ? '1' : '0')).join('');
  }
  for (const isJoined of choices(listed, commas)) {
    const key = keyOf(isJoined);
    if (seen.has(key)) continue;
    seen.add(key);
    yield values.map(([name, value], header) => [name, join(value, (comma) => isJoined(header, comma))]);
    if (seen.size === limit) return;
  }
}

type IsJoined = (header: number, comma: number) => boolean;

function* choices(
  listed: readonly { readonly header: number }[],
  commas: readonly { readonly header: number; readonly comma: number }[],
): Generator<IsJoined> {
  yield () => true; // by far the likeliest
  const bits = (n: number) => Math.min(2 ** n, SIGNATURE_LIMITS.maxReadings);
  if (2 ** commas.length > SIGNATURE_LIMITS.maxReadings) {
    for (let chosen = 1; chosen < bits(listed.length); chosen++) {
      const headers = new Set(listed.filter((_, bit) => (chosen >> bit) & 1).map(({ header }) => header));
      yield (header) => headers.has(header);
    }
    for (const one of commas) yield (header, comma) => header === one.header && comma === one.comma;
    return;
  }
  for (let chosen = 1; chosen < bits(commas.length); chosen++) {
    const joined = commas.filter((_, bit) => (chosen >> bit) & 1);
    yield (header, comma) => joined.some((one) => one.header === header && one.comma === comma);
  }
}

const count = (value: string) => value.split(SPACED).length - 1;

const join = (value: string, isJoined: (comma: number) => boolean): string =>
  value.split(SPACED).reduce((joined, part, index) => joined + (isJoined(index - 1) ? ',' : SPACED) + part);
