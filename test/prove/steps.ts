import type { CountsFrom } from './counts.ts';

/** One thing that `npm run prove` does. README.md says how to add one. */
export interface Step {
  /** For `--only`, and its log: `.prove/<name>.log`. */
  readonly name: string;
  readonly title: string;
  /** Run in the repository's root. A `vitest` step gets its reporters from the runner. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly counts: CountsFrom;
  /** Ended, with all that it started, after so many minutes. */
  readonly timeoutMinutes: number;
}

const vitest = (...args: string[]): readonly string[] => ['npx', 'vitest', 'run', ...args];
/** The tests that have a step of their own. */
const WITH_OWN_STEP = ['test/story/hostile/**', 'test/fuzz/**'].flatMap((path) => ['--exclude', path]);

/** Everything that has to hold, the quick first. */
export const STEPS: readonly Step[] = [
  {
    name: 'install',
    title: 'what the other steps need of this machine',
    command: ['node', 'test/prove/install.ts'],
    counts: 'closing-line',
    timeoutMinutes: 30,
  },
  { name: 'check', title: 'lint and types', command: ['npm', 'run', 'check'], counts: 'exit', timeoutMinutes: 10 },
  { name: 'build', title: 'the bundle', command: ['npm', 'run', 'build'], counts: 'exit', timeoutMinutes: 10 },
  {
    name: 'deploy',
    title: 'what wrangler would upload',
    command: ['npx', 'wrangler', 'deploy', '--dry-run', '--outdir', '.prove/deploy'],
    counts: 'exit',
    timeoutMinutes: 10,
  },
  {
    name: 'test',
    title: 'all tests, in their long form',
    command: vitest(...WITH_OWN_STEP),
    counts: 'vitest',
    timeoutMinutes: 60,
  },
  {
    name: 'story-serve',
    title: 'the story on `postern serve`',
    command: vitest('--project', 'node', 'test/story', ...WITH_OWN_STEP),
    env: { POSTERN_STORY: 'serve' },
    counts: 'vitest',
    timeoutMinutes: 30,
  },
  {
    name: 'story-edge',
    title: 'the story through what plays the edge of Cloudflare',
    command: vitest('--project', 'node', 'test/story', ...WITH_OWN_STEP),
    env: { POSTERN_STORY: 'edge' },
    counts: 'vitest',
    timeoutMinutes: 30,
  },
  {
    name: 'conformance',
    title: 'every AWS client against `postern dev`',
    command: ['npm', 'run', 'conformance'],
    counts: 'closing-line',
    timeoutMinutes: 30,
  },
  {
    name: 'conformance-edge',
    title: 'every AWS client through what plays the edge of Cloudflare',
    command: ['npm', 'run', 'conformance'],
    env: { POSTERN_STORY: 'edge' },
    counts: 'closing-line',
    timeoutMinutes: 30,
  },
  {
    name: 'fuzz-invoke',
    title: 'calls of every shape against a model',
    command: vitest('--project', 'node', 'test/fuzz'),
    counts: 'vitest',
    timeoutMinutes: 30,
  },
  {
    name: 'fuzz-admin',
    title: 'the admin API against its own OpenAPI document, by schemathesis, and three planted faults',
    command: ['node', 'test/fuzz/admin/run.ts'],
    counts: 'closing-line',
    timeoutMinutes: 30,
  },
  {
    name: 'hostile',
    title: 'every attack beside honest callers, plain and over TLS',
    command: vitest('--project', 'node', 'test/story/hostile'),
    counts: 'vitest',
    timeoutMinutes: 60,
  },
  {
    name: 'simulate',
    title: 'how limits hold at scale',
    command: ['npm', 'run', 'simulate'],
    counts: 'exit',
    timeoutMinutes: 20,
  },
  {
    name: 'soak',
    title: 'mixed calls by tenants that come and go, 10 minutes',
    command: ['npm', 'run', 'bench', '--', '--soak', '10', '--json', '.prove/soak.json'],
    counts: 'exit',
    timeoutMinutes: 30,
  },
];
