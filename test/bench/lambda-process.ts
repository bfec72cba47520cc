import { startEmulator } from '../../src/emulator/start.ts';

const { BENCH_PORT = '', BENCH_SECRET_ACCESS_KEY = '' } = process.env;

/** The local Lambda, which checks each signature and runs real handlers, in a process of its own. */
await startEmulator({
  port: Number(BENCH_PORT),
  accountId: '123456789012',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: BENCH_SECRET_ACCESS_KEY },
  log: () => {},
});
