/** Answers a JSON string of `event.bytes` bytes, quotes included. */
export const handler = async (event: { bytes?: number }) => 'x'.repeat(Math.max(0, (event.bytes ?? 1024) - 2));
