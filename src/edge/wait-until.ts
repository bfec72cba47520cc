/** Keeps a request's promise alive after its answer (`ctx.waitUntil`). */
export type WaitUntil = (promise: Promise<unknown>) => void;
