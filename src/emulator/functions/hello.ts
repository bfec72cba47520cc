/** Greets `event.name`, or the world. */
export const handler = async (event: { name?: unknown } | null) => ({
  message: `Hello, ${event?.name ?? 'world'}!`,
});
