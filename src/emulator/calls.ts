import type { WireHeaders } from './wire-headers.ts';

/** A call as the emulator received it. */
export interface ReceivedCall {
  readonly method: string;
  /** Path and query, as they came. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  bodyBytes: number;
  /** Empty until the body has come. */
  bodySha256: string;
  readonly startedAtMs: number;
  /** When the answer had been sent, or the caller had left. Null before that. */
  endedAtMs: number | null;
  status: number | null;
  /** The name of the function that was called, once it is known. */
  function: string | null;
}

/** The last calls received, oldest first. */
export interface ReceivedCalls {
  begin(method: string, path: string, headers: WireHeaders, startedAtMs: number): ReceivedCall;
  list(): readonly ReceivedCall[];
  clear(): void;
}

const maxCalls = 10_000;

/** Opens an empty record. It keeps no bodies. */
export function openReceivedCalls(): ReceivedCalls {
  let calls: ReceivedCall[] = [];
  return {
    begin(method, path, headers, startedAtMs) {
      const call: ReceivedCall = {
        method,
        path,
        headers: Object.fromEntries([...headers].map(([name, values]) => [name, values.join(',')])),
        bodyBytes: 0,
        bodySha256: '',
        startedAtMs,
        endedAtMs: null,
        status: null,
        function: null,
      };
      calls.push(call);
      if (calls.length > maxCalls) calls.shift();
      return call;
    },
    list: () => calls,
    clear() {
      calls = [];
    },
  };
}
