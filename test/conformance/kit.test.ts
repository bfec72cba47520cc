import { Command } from 'commander';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { conformanceCommand } from '../../src/cli/commands/conformance.ts';
import type { Case } from '../../src/cli/conformance/case.ts';
import { readCases } from '../../src/cli/conformance/cases.ts';
import { compareOutcome } from '../../src/cli/conformance/compare.ts';
import { runCase } from '../../src/cli/conformance/interpret.ts';
import { type Emulator, startEmulator } from '../../src/emulator/start.ts';

const credentials = { accessKeyId: 'AKIACONFORMANCE00000', secretAccessKey: 'secret-of-the-conformance-tests' };
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({ port: 0, credentials });
});
afterAll(() => emulator.close());

describe('the local Lambda, to the AWS SDK for JavaScript v3', async () => {
  const all = (await readCases({ otherTenant: false })).filter(({ endpoint }) => endpoint === undefined);
  const lacking = (one: Case) =>
    (one.needs ?? []).some((need) => need === 'headers' || need === 'presignWithoutExpires');
  const cases = all.filter((one) => !lacking(one));

  it.each(all.filter(lacking))('says that the SDK cannot do $id: $title', async (one) => {
    const target = { endpoint: emulator.url, region: 'us-east-1', credentials };
    expect(compareOutcome(one, await runCase(one, target))).toMatchObject({ kind: 'unsupported' });
  });

  it.each(cases)('does $id: $title', async (one) => {
    const target = { endpoint: emulator.url, region: 'us-east-1', credentials };
    const verdict = compareOutcome(one, await runCase(one, target));
    const passed = one.report ? { kind: 'report', text: 'corrects it (attempt 2)' } : { kind: 'pass' };
    expect(verdict).toEqual(passed);
  });
});

describe('postern conformance', () => {
  const said: string[] = [];
  beforeEach(() => {
    said.length = 0;
    vi.spyOn(console, 'log').mockImplementation((line: string) => said.push(line));
    return () => {
      vi.restoreAllMocks();
      process.exitCode = undefined;
    };
  });

  /** Runs the command on the emulator, as somebody whose secret is right or is not. */
  const conformance = async (secret: string, ...args: string[]) => {
    const program = new Command().exitOverride();
    conformanceCommand(program);
    const keys = ['--access-key-id', credentials.accessKeyId, '--secret-access-key', secret];
    await program.parseAsync(['conformance', '--endpoint', emulator.url, ...keys, ...args], { from: 'user' });
    return { said: said.join('\n'), exitCode: process.exitCode };
  };

  it('names the functions first, says a line for each case, and ends with 0 when none has failed', async () => {
    const { said, exitCode } = await conformance(credentials.secretAccessKey, '--case', 'name', 'not-found', 'retries');
    expect(said).toMatch(/^The endpoint must have these functions, .*:\n {2}hello .*\n {2}throttled .*\n\n✓ name: /);
    expect(said).toContain('✓ not-found: a function that is not there\n– retries:');
    expect(said).toMatch(/2 passed, 0 failed, 1 skipped, 0 measured$/);
    expect(exitCode).toBe(0);
  });

  it('skips a case that needs other credentials, and says so', async () => {
    expect((await conformance(credentials.secretAccessKey, '--case', 'access-denied')).said).toContain(
      '– access-denied: a caller who may call nothing\n    it needs OTHER_ACCESS_KEY_ID',
    );
  });

  it('says why a case has failed, and ends with 1', async () => {
    const { said, exitCode } = await conformance('another', '--case', 'name');
    expect(said).toMatch(
      /✗ name: a bare name\n {4}failed with InvalidSignatureException \(403\): The request signature/,
    );
    expect(exitCode).toBe(1);
  });

  it('writes lines of JSON, and nothing else, when it is asked to', async () => {
    await conformance(credentials.secretAccessKey, '--case', 'name', '--json');
    expect(said.map((line) => JSON.parse(line))).toEqual([
      { id: 'name', verdict: { kind: 'pass' }, outcome: expect.objectContaining({ status: 200 }) },
      { endpoint: emulator.url, pass: 1, fail: 0, unsupported: 0, report: 0, skipped: 0 },
    ]);
  });

  it('names a case that there is not', async () => {
    await expect(conformance(credentials.secretAccessKey, '--case', 'other')).rejects.toThrow('there is no case other');
  });
});
