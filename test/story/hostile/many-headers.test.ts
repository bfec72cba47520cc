import { expect, it, onTestFinished } from 'vitest';
import { workerdMemory } from '../../support/memory.ts';
import { invokePath } from '../../support/postern.ts';
import { openRaw } from '../../support/raw-client.ts';
import { startWorld } from './world.ts';

const LANES = 8;
const CALLS_EACH = 25;
/** Each costs the runtime some 3 MB: with nothing given back, 600 MB. */
const HEADERS = Array.from({ length: 12_000 }, (_, n) => [n.toString(16), ''] as const);
const MOST_MEGABYTES = 400;

it.runIf(process.platform === 'linux').each([
  ['different', 'headers-too-many', HEADERS],
  ['the same', 'served', HEADERS.map(() => ['a', ''] as const)],
] as const)(
  'A6: calls with a good key and 12,000 headers do not fill the memory: %s',
  { timeout: 120_000 },
  async (_, outcome, headers) => {
    const world = await startWorld();
    onTestFinished(() => world.stop());
    const { apiKey } = await world.makeTenant();
    const own = [
      ['x-api-key', apiKey],
      ['content-type', 'application/json'],
      ['content-length', '2'],
      ['connection', 'close'],
    ] as const;
    const before = workerdMemory(world.serve.pid);
    const lane = async () => {
      for (let call = 0; call < CALLS_EACH; call++) {
        const connection = await openRaw(world.gateway);
        connection.writeHead('POST', invokePath('hello'), [...own, ...headers]);
        connection.socket.write('{}');
        await connection.closed;
        expect(connection.received()).toMatch(
          outcome === 'served' ? /^HTTP\/1.1 200/ : /^HTTP\/1.1 431[\s\S]*headers-too-many/,
        );
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    const grown = (workerdMemory(world.serve.pid) - before) / 1024 ** 2;
    console.log(`grew by ${grown.toFixed()} MB`);
    expect(grown).toBeLessThan(MOST_MEGABYTES);
  },
);
