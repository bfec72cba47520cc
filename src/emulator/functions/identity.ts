/** Answers its event; compact JSON comes back byte for byte. */
export const handler = async (event: unknown) => event;
