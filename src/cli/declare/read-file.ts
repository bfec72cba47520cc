import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type * as z from 'zod';
import { toFieldFaults, toPointer } from '../../document/field-faults.ts';
import { usageError } from '../terminal/exit.ts';
import { readInput } from '../terminal/read-input.ts';

/** Maximum YAML aliases. No honest file has more. Without a limit, a few lines of nested aliases would exhaust memory. */
const MAX_ALIASES = 1_000;

/**
 * Reads a YAML (or JSON) file and checks the content against a schema. Reports every mistake at once, each with its line,
 * column, JSON pointer and a sentence.
 */
export async function readFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const name = path === '-' ? '(standard input)' : path;
  const { document, at } = parse(name, (await readInput(path)).toString('utf8'));
  const checked = schema.safeParse(toValue(name, document));
  if (checked.success) return checked.data;
  const lines = checked.error.issues.flatMap((issue) => {
    // Report an unknown field at its own position, not where its object begins.
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return toFieldFaults([issue]).map(({ pointer, detail }, index) => {
      return `  ${name}:${at(offsetOf(document, paths[index] ?? []))}: ${pointer}: ${detail}`;
    });
  });
  throw usageError([`${name} is not valid:`, ...lines].join('\n'));
}

/** Reads a YAML (or JSON) file without checking the content against a schema. */
export async function readAny(path: string): Promise<unknown> {
  const name = path === '-' ? '(standard input)' : path;
  return toValue(name, parse(name, (await readInput(path)).toString('utf8')).document);
}

function parse(name: string, text: string): { document: Document.Parsed; at: (offset: number) => string } {
  const lineCounter = new LineCounter();
  // `merge` allows `<<: *base`, so that many tenants can share one rule.
  const document = parseDocument(text, { lineCounter, merge: true, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${line}:${col}`;
  };
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) {
    const words =
      fault.code === 'DUPLICATE_KEY' ? `${pointerAt(document, fault.pos[0])}: appears twice` : fault.message;
    throw usageError(`${name}:${at(fault.pos[0])}: ${words}`);
  }
  return { document, at };
}

function toValue(name: string, document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw usageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The offset of a path. If the path is missing or merged in from elsewhere, the offset of the nearest enclosing node. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of [undefined, ...path]) {
    if (part !== undefined) {
      if (isAlias(node)) node = node.resolve(document);
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
        if (!pair) break;
        offset = (pair.key as Node).range?.[0] ?? offset;
        node = pair.value;
        continue;
      }
      if (!isSeq(node)) break;
      node = node.items[Number(part)];
    }
    offset = (node as Node | null | undefined)?.range?.[0] ?? offset;
  }
  return offset;
}

/** The JSON pointer of the key at an offset. */
function pointerAt(document: Document.Parsed, offset: number): string {
  const find = (node: unknown, path: readonly PropertyKey[]): readonly PropertyKey[] | undefined => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const here = [...path, isScalar(key) ? String(key.value) : '?'];
        if ((key as Node | null)?.range?.[0] === offset) return here;
        const found = find(value, here);
        if (found) return found;
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        const found = find(item, [...path, index]);
        if (found) return found;
      }
    }
    return undefined;
  };
  return toPointer(find(document.contents, []) ?? []);
}
