import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Outcome } from '../../src/cli/conformance/case.ts';
import type { Client } from './clients.ts';
import type { RunningTarget } from './target.ts';
import { startThrottleServer } from './throttle-server.ts';

/** What came of a client's run. */
export interface ClientRun {
  /** The SDK and its version, as the client says. */
  readonly sdk: string;
  readonly runtime: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly seconds: number;
  /** What went wrong with the client itself. */
  readonly broken?: string;
}

const TIMEOUT_MS = 6 * 60_000;
const KEPT_LOG_CHARACTERS = 2_000;
/** The id of the one case that is sent to the throttle server. */
const RETRIES = 'retries';

/** Runs a client on a file of cases. It has no AWS settings but those it is handed here. */
export async function runClient(
  { run, title }: Client,
  folder: string,
  casesFile: string,
  target: RunningTarget,
): Promise<ClientRun> {
  const throttle = await startThrottleServer();
  const startedMs = performance.now();
  const [command = '', ...args] = run;
  // The repository's Node, which need not be the one on the PATH.
  const child = spawn(command === 'node' ? process.execPath : command, [...args, casesFile], {
    cwd: folder,
    env: environment(target, throttle.url),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-KEPT_LOG_CHARACTERS);
  });
  const ended = new Promise<string | undefined>((done) => {
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) => done(code === 0 ? undefined : `ended with ${code ?? signal}`));
  });

  let about = { sdk: title, runtime: '' };
  const outcomes = new Map<string, Outcome>();
  const strays: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const said = parse(line);
    if (said && 'id' in said) outcomes.set(said.id, said);
    else if (said) about = { ...about, ...said };
    else strays.push(line);
  }
  const end = await ended;
  await throttle.close();
  measureRetries(outcomes, throttle.arrivalsMs);
  const fault = end ?? (strays.length > 0 ? `wrote what is no outcome: ${strays[0]}` : undefined);
  const seconds = (performance.now() - startedMs) / 1000;
  return { ...about, outcomes, seconds, ...(fault !== undefined && { broken: `${fault}\n${log}`.trim() }) };
}

function environment(target: RunningTarget, throttleEndpoint: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const { credentials, otherCredentials: other } = target;
  return {
    ...Object.fromEntries(kept),
    POSTERN_ENDPOINT: target.endpoint,
    POSTERN_THROTTLE_ENDPOINT: throttleEndpoint,
    AWS_REGION: target.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(other && { OTHER_ACCESS_KEY_ID: other.accessKeyId, OTHER_SECRET_ACCESS_KEY: other.secretAccessKey }),
    // Neither the machine's own settings nor its identity, if it has one, are the client's.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function parse(line: string): Outcome | { readonly sdk: string } | undefined {
  try {
    return JSON.parse(line) as Outcome | { readonly sdk: string };
  } catch {
    return undefined;
  }
}

/** What reached the throttle server is the measure of the one case that calls it, whatever the client says. */
function measureRetries(outcomes: Map<string, Outcome>, arrivalsMs: readonly number[]): void {
  const outcome = outcomes.get(RETRIES);
  if (outcome === undefined || arrivalsMs.length === 0) return;
  const waitsSeconds = arrivalsMs.slice(1).map((at, index) => (at - (arrivalsMs[index] ?? at)) / 1000);
  outcomes.set(RETRIES, { ...outcome, attempts: arrivalsMs.length, waitsSeconds });
}
