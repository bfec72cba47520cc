import { stripVTControlCharacters } from 'node:util';

/** Lays out rows in columns. The first row is the heading. Columns of numbers are aligned to the right. */
export function layOut(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const shape = Array.from({ length: columns }, (_, column) => {
    const cells = rows.map((row) => stripVTControlCharacters(row[column] ?? ''));
    const isNumeric = cells.length > 1 && cells.slice(1).every((cell) => /^[\d.,]*( [KMG]?i?B)?$/.test(cell));
    return { width: Math.max(...cells.map((cell) => cell.length)), isNumeric };
  });
  return rows
    .map((row) =>
      shape
        .map(({ width, isNumeric }, column) => {
          const cell = row[column] ?? '';
          const gap = ' '.repeat(width - stripVTControlCharacters(cell).length);
          return isNumeric ? gap + cell : cell + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
