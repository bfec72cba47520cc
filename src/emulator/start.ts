import { createServer, type ServerResponse } from 'node:http';
import type { Credentials } from './auth/verify-signature.ts';
import { openReceivedCalls, type ReceivedCalls } from './calls.ts';
import { openCatalog } from './catalog.ts';
import { openPool } from './execution/pool.ts';
import { type Service, serveCall } from './serve-call.ts';

/** The options of an emulator. */
export interface EmulatorOptions {
  /** 0 means any free port. */
  readonly port: number;
  readonly host?: string;
  /** The account of every function. Calls to functions of another account are refused. */
  readonly accountId?: string;
  /** The only key pair that the emulator trusts. */
  readonly credentials: Credentials;
  /** A folder of handlers, `name.ts` or `name/index.ts`. The built-in functions remain available. */
  readonly functionsDir?: string;
  /** Maximum concurrent executions. At this limit, synchronous calls are throttled and events wait. Default 256. */
  readonly maxConcurrency?: number;
  readonly timeoutSeconds?: number;
  /** The clock in epoch milliseconds, for example to check the date of a signature. */
  readonly now?: () => number;
  /** Receives each line of the functions' logs, and the emulator's own errors. */
  readonly log?: (line: string) => void;
}

/** A running local Lambda. */
export interface Emulator {
  readonly url: string;
  readonly port: number;
  /** Stops at once, even if functions are still running. */
  close(): Promise<void>;
}

/** Maximum timeout of a Lambda function, in seconds. */
const maxTimeoutSeconds = 900;

/**
 * Starts a local Lambda. The emulator serves the Invoke API as the real service does, checks signatures, and runs real
 * handlers. Rejects if the port is taken or the functions folder does not exist.
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
      // A caller that disconnects while sending its request is not an error of the emulator.
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

/** Shows the record of calls on GET and empties it on DELETE. For any other method, returns false and sends nothing. */
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
