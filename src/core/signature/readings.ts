import { SIGNATURE_LIMITS } from './limits.ts';

/** A signed header: its name in lower case, and its value as received, but trimmed and with runs of spaces collapsed. */
export type SignedValue = readonly [name: string, value: string];

const SPACED = ', ';

/**
 * Yields the forms in which the caller may have signed its values. A header sent in two lines is signed as `a,b` and arrives
 * as `a, b`, exactly like a header sent as `a, b` in one line. So each comma followed by a space may have been signed
 * without the space. Only that space in a signed header can change unnoticed, and no argument of a call contains a comma.
 *
 * With few commas, every combination is tried. With more commas, all commas of a header are first read in the same way. Then
 * the space after a single comma is left out, one comma at a time.
 *
 * @param most maximum number of forms. The first form, the values as received, is always tried.
 */
export function* readingsOf(values: readonly SignedValue[], most: number): Generator<readonly SignedValue[]> {
  const limit = Math.max(1, Math.min(most, SIGNATURE_LIMITS.maxReadings));
  yield values;
  const lists = values.flatMap(([, value], header) =>
    value.includes(SPACED) ? [{ header, commas: count(value) }] : [],
  );
  if (limit === 1 || lists.length === 0) return;
  let tried = 1;
  for (const choice of choicesOf(lists)) {
    yield values.map(([name, value], header) => [name, read(value, choice(header))]);
    tried += 1;
    if (tried === limit) return;
  }
}

interface List {
  /** The index of the header among the signed values. */
  readonly header: number;
  readonly commas: number;
}

/** How to read a header's commas: keep the space after every comma, after no comma, or after all but the listed commas. */
type Reading = 'spaced' | 'joined' | readonly number[];
type Choice = (header: number) => Reading;

const choicesOf = (lists: readonly List[]): Generator<Choice> =>
  2 ** lists.reduce((sum, { commas }) => sum + commas, 0) <= SIGNATURE_LIMITS.maxReadings
    ? everyWay(lists)
    : likelyWays(lists);

/** Yields every way to read the commas, except as received. The reading that joins all commas comes first. */
function* everyWay(lists: readonly List[]): Generator<Choice> {
  const commas = lists.flatMap((list) => Array.from({ length: list.commas }, (_, comma) => ({ ...list, comma })));
  for (let chosen = 2 ** commas.length - 1; chosen > 0; chosen--) {
    const joined = commas.filter((_, bit) => (chosen >> bit) & 1);
    yield (at) => joined.filter(({ header }) => header === at).map(({ comma }) => comma);
  }
}

/** Yields readings that treat all commas of a header alike (all headers joined, then some), then joins single commas. */
function* likelyWays(lists: readonly List[]): Generator<Choice> {
  yield () => 'joined';
  const varied = Math.min(lists.length, Math.log2(SIGNATURE_LIMITS.maxReadings));
  for (let chosen = 1; chosen < 2 ** varied; chosen++) {
    const joined = new Set(lists.filter((_, bit) => bit < varied && (chosen >> bit) & 1).map(({ header }) => header));
    if (joined.size < lists.length) yield (header) => (joined.has(header) ? 'joined' : 'spaced');
  }
  for (const { header, commas } of lists) {
    // A header with a single comma is skipped, because an earlier reading has joined that comma.
    for (let comma = 0; comma < commas && commas > 1; comma++) yield (at) => (at === header ? [comma] : 'spaced');
  }
}

/** Counts the commas of a value that are followed by a space. Stops at the maximum number of readings. */
function count(value: string): number {
  let commas = 0;
  for (let at = value.indexOf(SPACED); at >= 0 && commas < MANY; at = value.indexOf(SPACED, at + 1)) commas += 1;
  return commas;
}
const MANY = SIGNATURE_LIMITS.maxReadings;

function read(value: string, reading: Reading): string {
  if (reading === 'spaced' || reading.length === 0) return value;
  if (reading === 'joined') return value.replaceAll(SPACED, ',');
  let joined = '';
  let from = 0;
  const last = Math.max(...reading);
  for (let comma = 0, at = value.indexOf(SPACED); at >= 0 && comma <= last; comma++) {
    joined += value.slice(from, at) + (reading.includes(comma) ? ',' : SPACED);
    from = at + SPACED.length;
    at = value.indexOf(SPACED, from);
  }
  return joined + value.slice(from);
}
