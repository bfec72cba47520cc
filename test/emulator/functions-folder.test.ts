import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';
import { makeFolder } from './folder.ts';
import { call, credentials, invocations } from './wire.ts';

const folder = makeFolder();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials, functionsDir: folder.path });
});
afterAll(async () => {
  await emulator.close();
  folder.remove('.');
});

const answers = (text: string) => `export const handler = async () => '${text}';`;
const invoke = async (name: string) => JSON.parse((await call(emulator.port, { path: invocations(name) })).text);

describe('a folder of functions', () => {
  it('may change while the emulator runs', async () => {
    expect(await invoke('mine')).toMatchObject({ Type: 'User' });
    folder.write('mine.mjs', answers('first'));
    expect(await invoke('mine')).toBe('first');
    folder.write('mine.mjs', answers('second'));
    expect(await invoke('mine')).toBe('second');
    folder.remove('mine.mjs');
    expect(await invoke('mine')).toMatchObject({ Type: 'User' });
  });

  it('is watched for changes of what a handler imports', async () => {
    folder.write('deep/lib/word.mjs', "export const word = 'old';");
    folder.write('deep/index.mjs', "import { word } from './lib/word.mjs'; export const handler = async () => word;");
    expect(await invoke('deep')).toBe('old');
    folder.write('deep/lib/word.mjs', "export const word = 'new';");
    await vi.waitFor(async () => expect(await invoke('deep')).toBe('new'), { timeout: 10_000 });
  });

  it('hides a built-in function of the same name, as long as it has it', async () => {
    folder.write('throttled.mjs', answers('mine'));
    expect(await invoke('throttled')).toBe('mine');
    folder.remove('throttled.mjs');
    expect(await invoke('throttled')).toMatchObject({ message: 'Rate Exceeded.' });
  });

  it('has every function in every version', async () => {
    folder.write('versions.mjs', 'export const handler = async (_, context) => context.functionVersion;');
    const versions = ['versions', 'versions:$LATEST', 'versions:1', 'versions:2', 'versions:live'].map(invoke);
    expect(await Promise.all(versions)).toEqual(['$LATEST', '$LATEST', '1', '2', '2']);
  });

  it('is never left through a name', async () => {
    folder.write('inner/index.mjs', answers('inner'));
    folder.write('index.mjs', answers('outside'));
    expect(await invoke('inner..')).toMatchObject({ Type: 'User' });
    expect(await invoke('.')).toMatchObject({ Type: 'User' });
  });
});
