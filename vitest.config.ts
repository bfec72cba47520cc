import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Settings of a gateway whose upstream nobody listens at: tests of the worker hand in their own, or expect it lost. */
const WORKER_SETTINGS = {
  POSTERN_ROOT_KEYS: `1:${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`,
  POSTERN_ADMIN_TOKEN: 'admin-token-of-the-worker-tests-0001',
  AWS_ACCOUNT_ID: '123456789012',
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE000000000',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-worker-tests',
  AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:9',
};

/** `npm run prove` runs the long forms, on a machine that may be busy with other work. */
const isProof = process.env.POSTERN_PROVE === '1';
/** A poll ends as soon as its condition holds: this is only when it gives up. */
const expectOptions = { poll: { timeout: isProof ? 20_000 : 10_000 } };

// `core`: pure code in Node. `worker`: what runs in the Worker, on workerd with real SQLite objects.
// `node`: the emulator, the CLI and the story, over sockets.
export default defineConfig({
  test: {
    // CI reads its closing count from the report.
    reporters: process.env.CI ? ['default', 'json'] : ['default'],
    // Here and not as an option of the reporter, which would win over `--outputFile`.
    outputFile: { json: 'test-report.json' },
    projects: [
      { test: { name: 'core', include: ['test/{core,document,prove}/**/*.test.ts', 'test/*.test.ts'] } },
      {
        plugins: [
          cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings: WORKER_SETTINGS } }),
        ],
        test: {
          name: 'worker',
          include: ['test/{edge,gateway,operator,tenants,upstream,state,admin}/**/*.test.ts'],
          testTimeout: isProof ? 60_000 : 20_000,
          expect: expectOptions,
        },
      },
      {
        test: {
          name: 'node',
          setupFiles: ['test/support/check-answers-setup.ts'],
          // Each of these files runs gateways of its own: two at a time are load enough for a small machine.
          maxWorkers: 2,
          include: ['test/{emulator,cli,story,conformance,fuzz}/**/*.test.ts'],
          testTimeout: isProof ? 300_000 : 60_000,
          hookTimeout: isProof ? 180_000 : 60_000,
          expect: expectOptions,
        },
      },
    ],
  },
});
