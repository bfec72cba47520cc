import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEmulator } from '../../../src/emulator/start.ts';
import { settingsFor, startServe } from '../../support/serve.ts';
import { type FuzzReport, fuzzInvoke } from './fuzz.ts';
import { buildMutant, MUTANTS } from './mutants.ts';

const LAMBDA = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-operator' };
const isProof = process.env.POSTERN_PROVE === '1';
const SEED = Number(process.env.POSTERN_FUZZ_SEED ?? 20_261_125);
const CALLS = Number(process.env.POSTERN_FUZZ_CALLS ?? (isProof ? 30_000 : 1_500));

/** Fuzzes a gateway of its own; `dist` is the built Worker, by default the source as it is. */
async function fuzz(calls: number, dist?: string): Promise<FuzzReport> {
  const stateDir = await mkdtemp(join(tmpdir(), 'postern-fuzz-'));
  const emulator = await startEmulator({ port: 0, credentials: LAMBDA, log: () => {} });
  const settings = settingsFor(emulator.url, LAMBDA);
  const serve = await startServe(['--state', stateDir, ...(dist ? ['--dist', dist] : [])], settings);
  try {
    const target = { gateway: serve.gateway, lambda: emulator.url, adminToken: settings.POSTERN_ADMIN_TOKEN };
    return await fuzzInvoke(target, { calls, seed: SEED });
  } finally {
    serve.kill();
    await serve.exited;
    await emulator.close();
    await rm(stateDir, { recursive: true, force: true });
  }
}

describe('a fuzzer of the Invoke surface', () => {
  it(
    `agrees with the gateway on ${CALLS} calls, by an independent model`,
    async () => {
      const { failure, refusals, ...counts } = await fuzz(CALLS);
      console.log(JSON.stringify({ seed: SEED, ...counts, refusals }));
      expect(failure).toBeUndefined();
      expect(counts.calls).toBe(CALLS);
      expect(counts.forwarded).toBeGreaterThanOrEqual(CALLS / 5);
    },
    isProof ? 1_800_000 : 240_000,
  );

  it.each(MUTANTS)(
    'finds a planted fault: $name',
    async (mutant) => {
      const { dist, remove } = await buildMutant(mutant);
      try {
        expect((await fuzz(5_000, dist)).failure).toBeDefined();
      } finally {
        await remove();
      }
    },
    240_000,
  );
});
