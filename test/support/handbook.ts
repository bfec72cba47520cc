import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One page of prose, by its path in the repository. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

/** A fenced block: its language and marks (`sh norun`), the line of its fence, from 1, and what is in it. */
export interface Block {
  readonly path: string;
  readonly info: string;
  readonly line: number;
  readonly text: string;
}

/** The README and all pages of the handbook. */
export const pages = (root: string): Page[] =>
  [
    'README.md',
    ...readdirSync(join(root, 'src/docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('src/docs', name)),
  ].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** The fenced blocks of a page. */
export function blocksOf({ path, text }: Page): Block[] {
  const blocks: Block[] = [];
  let open: { readonly info: string; readonly line: number; readonly lines: string[] } | undefined;
  text.split('\n').forEach((line, index) => {
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open) {
      blocks.push({ path, info: open.info, line: open.line, text: open.lines.join('\n') });
      open = undefined;
    } else open = { info: line.slice(3).trim(), line: index + 1, lines: [] };
  });
  return blocks;
}

const withoutCode = (text: string) => text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`\n]*`/g, '');

/** The targets of a document's links, without those in code. */
export const linksOf = (text: string): string[] =>
  [...withoutCode(text.replaceAll(/\[`([^`\n]*)`\]/g, '[$1]')).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to ?? '');

/** The anchors of a document's headings, as GitHub makes them. */
export const anchorsOf = (text: string): string[] =>
  [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );

/** The shell blocks that a test runs, page by page. */
export const shellBlocks = (all: readonly Page[]): Block[] => all.flatMap(blocksOf).filter(({ info }) => info === 'sh');

/** Those that none runs: they need an account, another machine or a secret that is shown once. */
export const shellBlocksNotRun = (all: readonly Page[]): Block[] =>
  all.flatMap(blocksOf).filter(({ info }) => info === 'sh norun');
