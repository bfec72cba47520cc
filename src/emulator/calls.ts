import type { WireHeaders } from './wire-headers.ts';

/** A call as the emulator received it. */
export interface ReceivedCall {
  readonly method: string;
  /** Path and query, as received. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  bodyBytes: number;
  /** Empty until the body has been read. */
  bodySha256: string;
  readonly startedAtMs: number;
  /** The time when the answer was complete or the caller disconnected. Null while the call is open. */
  endedAtMs: number | null;
  status: number | null;
  /** The function's name. Null until the call is admitted. */
  function: string | null;
}

/** The most recent calls, oldest first. */
export interface ReceivedCalls {
  begin(method: string, path: string, headers: WireHeaders, startedAtMs: number): ReceivedCall;
  list(): readonly ReceivedCall[];
  clear(): void;
}

const maxCalls = 10_000;

/** Creates an empty record of calls. The record keeps no bodies. */
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
