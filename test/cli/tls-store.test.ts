import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTlsStore } from '../../src/cli/serve/tls-store.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-tls-store-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Files of the folder that this process has open. */
const openFiles = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false; // the one that lists them
    }
  }).length;

const pairOf = (text: string) => ({ cert: Buffer.from(text), key: Buffer.from(text), validTo: '' });

it.runIf(process.platform === 'linux')('A4: two SIGHUPs at once leave no descriptor behind', async () => {
  const store = await openTlsStore(folder, pairOf('first'), async () => pairOf('next'));
  await Promise.all([store.reload(), store.reload(), store.reload()]);
  expect(openFiles()).toBe(4); // the pair in use, and the way back
  await store.confirm();
  expect(openFiles()).toBe(2);
  await store.reload();
  expect(store.revert()).toBe(true);
  await expect.poll(openFiles).toBe(2);
  await store.close();
  expect(openFiles()).toBe(0);
});
