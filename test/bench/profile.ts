import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { freePort } from '../support/workerd.ts';
import { type CallFrame, hotFunctions, profile } from './inspector.ts';
import { startLoad } from './load.ts';
import { formatBytes, makePayload } from './payload.ts';
import { startPostern } from './subjects/postern.ts';
import { startUpstream } from './upstream.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CONNECTIONS = 16;
const SHOWN = 30;
const CASES = [
  { bytes: 200, calls: 40_000 },
  { bytes: 1_000_000, calls: 1_500 },
];
const WARM_UP_PART = 0.2;

/** Prints where the time of a call goes, by function, and writes a `.cpuprofile` of each size for Chrome's DevTools. */
export async function runProfile(outDir: string): Promise<void> {
  await mkdir(outDir, { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'postern-profile-'));
  const upstream = await startUpstream(folder);
  const inspectorPort = await freePort();
  const postern = await startPostern({ folder, upstream: upstream.origin }, { minify: false, inspectorPort });
  const load = startLoad();
  try {
    const { apiKey } = await postern.makeTenant();
    const describe = await readNames(folder);
    for (const { bytes, calls } of CASES) {
      const bodyFile = join(folder, 'body');
      await writeFile(bodyFile, makePayload(bytes));
      const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
      const call = async (count: number) => {
        const order = { url: postern.url, headers, bodyFile, connections: CONNECTIONS, calls: count };
        const { failures } = await load.run(order);
        if (Object.keys(failures).length > 0) throw new Error(`calls failed: ${JSON.stringify(failures)}`);
      };
      await call(calls * WARM_UP_PART);
      const seen = await profile(inspectorPort, () => call(calls));
      const file = join(outDir, `postern-${bytes}.cpuprofile`);
      await writeFile(file, JSON.stringify(seen));
      console.log(
        `\n${formatBytes(bytes)}, API key, ${CONNECTIONS} connections, ${calls} calls (${relative('.', file)})\n`,
      );
      console.log('| self | with calls | function |\n|--:|--:|---|');
      const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
      for (const { name, selfPart, totalPart } of hotFunctions(seen, describe).slice(0, SHOWN)) {
        console.log(`| ${percent(selfPart)} | ${percent(totalPart)} | ${name} |`);
      }
    }
  } finally {
    await load.stop();
    await postern.stop();
    await upstream.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads the bundle and its source map. @returns a function's name, and its position in the sources. */
async function readNames(folder: string) {
  const lines = (await readFile(join(folder, 'worker.js'), 'utf8')).split('\n');
  const map = new SourceMap(JSON.parse(await readFile(join(folder, 'worker.js.map'), 'utf8')));
  return ({ functionName, url, lineNumber, columnNumber }: CallFrame): string => {
    if (!url.endsWith('worker.js')) return [functionName || '(no name)', url].filter(Boolean).join(' ');
    // An arrow function that is assigned has no name in the profile.
    const name = functionName || NAMED.exec(lines[lineNumber] ?? '')?.[1] || '(no name)';
    const entry = map.findEntry(lineNumber, columnNumber);
    if (!('originalSource' in entry)) return `${name} worker.js:${lineNumber + 1}`;
    const source = relative(ROOT, resolve(folder, entry.originalSource)).replace(/^.*node_modules\//, '');
    return `${name} ${source}:${entry.originalLine + 1}`;
  };
}

/** What a line of the bundle gives a function to. */
const NAMED = /(?:const|let|var) (\w+) = |^\s*(?:async )?(\w+)\(/;
