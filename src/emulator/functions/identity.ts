/** Answers the event. Compact JSON comes back unchanged, byte for byte. */
export const handler = async (event: unknown) => event;
