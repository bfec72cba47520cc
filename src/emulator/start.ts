import { createServer, type ServerResponse } from 'node:http';
import type { Credentials } from './auth/verify-signature.ts';
import { openReceivedCalls, type ReceivedCalls } from './calls.ts';
import { openCatalog } from './catalog.ts';
import { openPool } from './execution/pool.ts';
import { type Service, serveCall } from './serve-call.ts';

/** How an emulator is started. */
export interface EmulatorOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly host?: string;
  /** The account of every function; another one's functions are out of reach. */
  readonly accountId?: string;
  /** The only key pair that is trusted. */
  readonly credentials: Credentials;
  /** A folder of handlers, `name.ts` or `name/index.ts`, beside the built-in functions. */
  readonly functionsDir?: string;
  /** How many executions may run at a time; one more is throttled. */
  readonly maxConcurrency?: number;
  readonly timeoutSeconds?: number;
  /** The clock that signatures are held against. */
  readonly now?: () => number;
  /** Takes each line that functions write to their logs. */
  readonly log?: (line: string) => void;
}

/** A local Lambda that is listening. */
export interface Emulator {
  readonly url: string;
  readonly port: number;
  /** Ends at once, whatever still runs. */
  close(): Promise<void>;
}

/** The longest that Lambda lets a function run. */
const maxTimeoutSeconds = 900;

/**
 * Starts a local Lambda: the Invoke API as the real service speaks it, with its signatures checked and real handlers
 * run. Rejects when the port is taken, or when the functions folder does not exist.
 */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { accountId = '123456789012', credentials, now = Date.now, log: print = () => {} } = options;
  const { maxConcurrency = 256, timeoutSeconds = maxTimeoutSeconds, host = '127.0.0.1' } = options;
  const catalog = openCatalog(options.functionsDir, print);
  const pool = openPool({ maxConcurrency, timeoutSeconds, print });
  const calls = openReceivedCalls();
  const service: Service = { accountId, credentials, catalog, pool, calls, now };

  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 65_000, requestTimeout: 0 });
  server.on('request', (request, response) => {
    if (request.url === '/_calls' && showCalls(calls, request.method, response)) return;
    serveCall(service, request, response).catch((error: unknown) => {
      // A caller that leaves while it sends is no error of ours.
      if (!request.readableAborted) print(`The emulator failed: ${error instanceof Error ? error.stack : error}`);
      response.destroy();
    });
  });

  const close = async () => {
    catalog.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await Promise.all([closed, pool.close()]);
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(options.port, host, resolve);
    });
  } catch (error) {
    await close();
    throw error;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port.');
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`, port: address.port, close };
}

/** Answers a look at the record of calls; false when the method asks for neither a look nor its emptying. */
function showCalls(calls: ReceivedCalls, method: string | undefined, response: ServerResponse): boolean {
  if (method === 'GET') {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(calls.list()));
    return true;
  }
  if (method === 'DELETE') {
    calls.clear();
    response.writeHead(204).end();
    return true;
  }
  return false;
}
