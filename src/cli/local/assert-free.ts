import { createServer } from 'node:net';

/** @throws an error that says why, if we cannot listen at this address and port. */
export async function assertFree(host: string, port: number, option: string): Promise<void> {
  if (port === 0 && host === '127.0.0.1') return;
  const { promise, resolve: free, reject } = Promise.withResolvers<void>();
  const probe = createServer();
  probe.once('error', ({ code }: NodeJS.ErrnoException) => reject(new Error(whyNotListen(code, host, port, option))));
  probe.listen(port, host, () => probe.close(() => free()));
  await promise;
}

/** Turns the system's error code into a sentence that says why we cannot listen at an address and port. */
export function whyNotListen(code: string | undefined, host: string, port: number, option: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use; choose another with ${option}`;
    case 'EACCES':
      return `this user may not listen on port ${port}; choose another with ${option}`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine`;
    default:
      return `cannot listen on ${host} port ${port} (${code}); choose another with ${option}`;
  }
}
