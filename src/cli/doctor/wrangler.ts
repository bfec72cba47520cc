import { unstable_readConfig } from 'wrangler';
import { SETTING_NAMES } from '../../core/settings.ts';
import { OBJECT_CLASSES } from '../../state/bindings.ts';
import { type Finding, findingsOf } from './finding.ts';

const SECRETS = SETTING_NAMES.filter((name) => /KEY|TOKEN|SECRET/.test(name) && name !== 'AWS_ACCESS_KEY_ID');
const FLAGS = ['enable_request_signal'];
/** From this compatibility date on, the flag above is on by default (Workers compatibility flags). */
const FLAGS_BY_DATE = '2026-11-17';

/** Checks the Worker's addresses besides its own domain. The protection of the domain does not cover these addresses. */
function checkOpenAddresses(
  config: ReturnType<typeof unstable_readConfig>,
  { warn }: Pick<ReturnType<typeof findingsOf>, 'warn'>,
): Finding[] {
  const { workers_dev: open, preview_urls: previews, routes = [], route } = config;
  const hasDomain = route !== undefined || routes.length > 0;
  const findings: Finding[] = [];
  if (open === undefined) {
    const fix = 'set workers_dev = false if the gateway has its own route or domain, otherwise true';
    findings.push(warn('workers_dev is not set: Cloudflare decides whether the gateway is also at workers.dev', fix));
  } else if (open && hasDomain) {
    const message = 'the gateway is open at workers.dev as well as at its own route';
    findings.push(warn(message, 'set workers_dev = false'));
  }
  if (previews && hasDomain) {
    findings.push(warn('old versions of the gateway are open at preview URLs', 'set preview_urls = false'));
  }
  return findings;
}

/** From this compatibility date on, an object is not evicted while it works (`durable_object_io_tasks_prevent_eviction`). */
const MIN_DATE = '2026-10-01';

/**
 * Checks that a deployment would have everything that the Worker needs, and would not reveal its secrets.
 *
 * @returns the findings, and the variables that the file sets.
 */
export function checkWrangler(file: string): { findings: Finding[]; vars: Readonly<Record<string, unknown>> } {
  const { ok, fail, warn } = findingsOf('wrangler.toml');
  let config: ReturnType<typeof unstable_readConfig>;
  try {
    config = unstable_readConfig({ config: file }, { hideWarnings: true });
  } catch (error) {
    const [message = 'not valid'] = error instanceof Error ? error.message.split('\n') : [String(error)];
    return { findings: [fail(`${file} cannot be read: ${message}`, 'use the one in this repository')], vars: {} };
  }
  const findings: Finding[] = [];
  const bindings: readonly { name: string; class_name: string }[] = config.durable_objects.bindings;
  for (const [name, className] of Object.entries(OBJECT_CLASSES)) {
    const bound = bindings.some((one) => one.name === name && one.class_name === className);
    if (!bound) {
      findings.push(
        fail(`the Durable Object ${name} is not bound`, `add to durable_objects.bindings: ${name}, ${className}`),
      );
    }
    const exported = (config as { exports?: Record<string, { storage?: string }> }).exports?.[className];
    if (exported?.storage !== 'sqlite') {
      const fix = `add: [exports.${className}] type = "durable-object", storage = "sqlite"`;
      findings.push(fail(`the class ${className} has no SQLite storage`, fix));
    }
  }
  const { compatibility_date: date = '', compatibility_flags: flags, vars, observability } = config;
  if (date < MIN_DATE) {
    const message = `compatibility_date is ${date || 'not set'}: a tenant's object may be evicted while it works`;
    findings.push(fail(message, `set compatibility_date = "${MIN_DATE}" or later`));
  }
  for (const flag of FLAGS) {
    if (date >= FLAGS_BY_DATE || flags.includes(flag)) continue;
    findings.push(
      fail(`the flag ${flag} is off`, `add it to compatibility_flags, or set the date to ${FLAGS_BY_DATE}`),
    );
  }
  for (const name of SECRETS) {
    if (!(name in vars)) continue;
    const fix = `remove it from [vars] and rotate it: npx wrangler secret put ${name}`;
    findings.push(fail(`${name} is a secret, but is set in a file that is shared`, fix));
  }
  if (observability?.enabled && !(observability as { redact_query_string?: boolean }).redact_query_string) {
    const fix = 'set [observability] redact_query_string = true';
    findings.push(warn("Cloudflare's log would hold the signatures of presigned requests", fix));
  }
  findings.push(...checkOpenAddresses(config, { warn }));
  if (findings.length === 0) findings.push(ok('has everything that the Worker needs'));
  return { findings, vars };
}
