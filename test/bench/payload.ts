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

/** A JSON document of exactly so many bytes. */
export function makePayload(bytes: number, shape: Shape = 'orders'): Buffer {
  const encode = (entries: readonly unknown[], pad: string) => Buffer.from(JSON.stringify({ entries, pad }));
  const entries: string[] = [];
  let size = encode([], '').length;
  for (let at = 1; ; at++) {
    const entry = JSON.stringify(ENTRY[shape](at));
    const entryBytes = Buffer.byteLength(entry) + 1;
    if (size + entryBytes > bytes) break;
    entries.push(entry);
    size += entryBytes;
  }
  const open = `{"entries":[${entries.join(',')}],"pad":"`;
  const missing = bytes - Buffer.byteLength(open) - 2;
  if (missing < 0) throw new Error(`no payload has ${bytes} bytes`);
  return Buffer.from(`${open}${'x'.repeat(missing)}"}`);
}
