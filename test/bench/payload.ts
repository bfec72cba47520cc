/** Shapes of JSON that callers send. */
export type Shape = 'orders' | 'strings' | 'numbers';

/** So many bytes in words. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1_000_000) return `${bytes / 1_000_000} MB`;
  return bytes >= 1_000 ? `${bytes / 1_000} KB` : `${bytes} B`;
}

const WORDS = 'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore'.split(
  ' ',
);
const word = (at: number) => WORDS[at % WORDS.length] ?? '';

/** Entries as they come in real documents: many small objects, long texts, or series of numbers. */
const ENTRY: Readonly<Record<Shape, (at: number) => unknown>> = {
  orders: (at) => ({
    id: `ord_${(at * 2_654_435_761).toString(36)}`,
    customer: { name: `${word(at)} ${word(at * 7)}`, email: `${word(at)}@example.com`, verified: at % 3 === 0 },
    lines: [
      { sku: `SKU-${at % 997}`, quantity: (at % 9) + 1, price: (at % 10_000) / 100 },
      { sku: `SKU-${at % 499}`, quantity: 1, price: 19.5 },
    ],
    note: at % 4 === 0 ? null : `leave at door ${at % 40}, "${word(at * 3)}" \u2013 gr\u00fc\u00dfe`,
    total: at * 1.37,
  }),
  strings: (at) => Array.from({ length: 160 }, (_, index) => word(at + index)).join(' '),
  numbers: (at) => Array.from({ length: 16 }, (_, index) => ((at + index) * 7_919) / 1_024 - 4_000),
};

/** Fills what is left of a document where no whole entry fits any more. */
const SMALL_ENTRY = JSON.stringify({ sku: 'SKU-41', quantity: 2, price: 19.5, gift: false });

/** A JSON document of exactly so many bytes. */
export function makePayload(bytes: number, shape: Shape = 'orders'): Buffer {
  const wrap = (entries: readonly string[], pad: string) => `{"entries":[${entries.join(',')}],"pad":"${pad}"}`;
  const entries: string[] = [];
  let left = bytes - wrap([], '').length;
  if (left < 0) throw new Error(`no payload has ${bytes} bytes`);
  const add = (entry: string): boolean => {
    const size = Buffer.byteLength(entry) + (entries.length > 0 ? 1 : 0);
    if (size > left) return false;
    entries.push(entry);
    left -= size;
    return true;
  };
  for (let at = 1; add(JSON.stringify(ENTRY[shape](at))); ) at++;
  while (add(SMALL_ENTRY));
  return Buffer.from(wrap(entries, 'x'.repeat(left)));
}
