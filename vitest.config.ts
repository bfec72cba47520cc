import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

// `core`: pure code in Node. `worker`: what runs in the Worker, on workerd with real SQLite objects.
// `node`: the emulator, the CLI and the story, over sockets.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'core', include: ['test/core/**/*.test.ts', 'test/*.test.ts'] } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: { name: 'worker', include: ['test/{gateway,upstream,state,admin}/**/*.test.ts'] },
      },
      {
        test: {
          name: 'node',
          include: ['test/{emulator,cli,story}/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
