import { createServer } from 'node:net';

/** @throws a sentence that names the option, where nobody can listen at an address and port. */
export async function assertFree(host: string, port: number, option: string): Promise<void> {
  if (port === 0 && host === '127.0.0.1') return;
  const { promise, resolve: free, reject } = Promise.withResolvers<void>();
  const probe = createServer();
  probe.once('error', (error: NodeJS.ErrnoException) => reject(new Error(complaint(error, host, port, option))));
  probe.listen(port, host, () => probe.close(() => free()));
  await promise;
}

function complaint({ code, message }: NodeJS.ErrnoException, host: string, port: number, option: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is in use; choose another with ${option}`;
    case 'EACCES':
      return `port ${port} needs a privilege that this user lacks; choose another with ${option}`;
    case 'EADDRNOTAVAIL':
      return `${host} is no address of this machine`;
    default:
      return message;
  }
}
