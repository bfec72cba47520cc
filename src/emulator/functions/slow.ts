import { setTimeout } from 'node:timers/promises';

/** Answers after `event.ms` milliseconds. */
export const handler = async (event: { ms?: number }) => {
  const ms = event.ms ?? 1000;
  await setTimeout(ms);
  return { ms };
};
