/** Writes 8 KiB to the log, twice the size of a log tail. */
export const handler = async () => {
  for (let line = 1; line <= 64; line++) console.log(`line ${line} `.padEnd(128, '.'));
  return { lines: 64 };
};
