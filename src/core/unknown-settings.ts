/** Variables that are ours, but not settings of a gateway. The command line, tests and benchmarks read these variables. */
const NOT_SETTINGS = new Set([
  'POSTERN_URL',
  'POSTERN_PROFILE',
  'POSTERN_CONFIG',
  'POSTERN_API_KEY',
  'POSTERN_STORY',
  'POSTERN_PROVE',
  'POSTERN_PROPERTY_SEED',
  'POSTERN_PROPERTY_RUNS',
  'POSTERN_FUZZ_SEED',
  'POSTERN_FUZZ_CALLS',
  'POSTERN_ENDPOINT',
  'POSTERN_THROTTLE_ENDPOINT',
]);
/** Variables that container platforms set for a service named `postern`, such as `POSTERN_PORT_8787_TCP_ADDR`. */
const OF_A_PLATFORM = /^POSTERN_(SERVICE_(HOST|PORT)|PORT(_|$))/;
/** If two names differ in more characters than this, neither is a misspelling of the other. */
const MAX_DISTANCE = 4;

/**
 * Finds settings that nothing reads. Otherwise a misspelt setting would silently have no effect.
 *
 * @returns a sentence for each unknown setting, with the nearest known name if it is close. No sentence contains a value.
 */
export function findUnknownSettings(
  env: Readonly<Record<string, unknown>>,
  known: readonly string[],
): readonly string[] {
  const names = Object.keys(env).filter((name) => name.startsWith('POSTERN_') && env[name] !== '');
  return names
    .filter((name) => !known.includes(name) && !NOT_SETTINGS.has(name) && !OF_A_PLATFORM.test(name))
    .map((name) => {
      const [nearest] = known
        .map((other) => ({ other, distance: distanceOf(name, other) }))
        .sort((a, b) => a.distance - b.distance);
      const hint =
        nearest && nearest.distance <= MAX_DISTANCE
          ? `did you mean ${nearest.other}?`
          : 'remove it, or correct its name';
      return `${name} is not a setting of this version: ${hint}`;
    });
}

/** Counts the characters to change, add or remove to turn one word into another (Levenshtein distance). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
