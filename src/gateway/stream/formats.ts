import {
  createEventReader,
  EVENT_STREAM,
  type EventMessage,
  encodeComplete,
  encodeMessage,
  type InvokeComplete,
  type StreamEvent,
} from './event-stream.ts';
import { createFrameTracker } from './frame-tracker.ts';

/** Writes a stream in one of the formats that a caller can ask for. */
export interface StreamFormat {
  readonly contentType: string;
  /** Converts bytes from Lambda to pieces for the caller. */
  write(bytes: Uint8Array): Uint8Array[];
  /** True once the service's InvokeComplete has been written. */
  readonly completed: boolean;
  /** The error code of the service's InvokeComplete, if the function failed. */
  readonly errorCode: string | undefined;
  /**
   * Encodes an ending that shows the caller that Lambda's stream broke off. Undefined, or throws, if the format has no such
   * ending. The connection must then be broken off.
   */
  breakOff(complete: InvokeComplete): Uint8Array | undefined;
}

/** Changes a stream for a caller. Payloads always pass unchanged. */
export interface StreamRevision {
  complete(complete: InvokeComplete): InvokeComplete;
  text(text: string): string;
}

const utf8 = new TextEncoder();
/** Maximum length of an error code in the log, in characters. */
const MAX_ERROR_CODE = 128;

/** Passes the stream unchanged. */
function passFormat(): StreamFormat {
  const tracker = createFrameTracker();
  return {
    contentType: EVENT_STREAM,
    write(bytes) {
      tracker.push(bytes);
      return [bytes];
    },
    get completed() {
      return tracker.completed;
    },
    get errorCode() {
      return tracker.errorCode;
    },
    breakOff: (complete) => (tracker.atBoundary ? encodeComplete(complete) : undefined),
  };
}

/**
 * Revises the stream in the service's own format. A payload frame passes unchanged as soon as the whole frame has arrived.
 * All other frames are rewritten.
 */
const revisedFormat = (revision: StreamRevision): StreamFormat =>
  rewrittenFormat(EVENT_STREAM, revision, (event) => {
    if (event.type === 'chunk') return event.frame;
    return event.type === 'complete' ? encodeComplete(event.complete) : encodeMessage(revise(event.message, revision));
  });

/** Revises all text of an unknown frame, because any of it may contain something to hide. */
function revise({ headers, body }: EventMessage, revision: StreamRevision): EventMessage {
  const revised = Object.entries(headers).map(([name, header]) => {
    const value = header.type === 'string' ? { ...header, value: revision.text(header.value) } : header;
    return [name, value] as const;
  });
  return { headers: Object.fromEntries(revised), body: utf8.encode(revision.text(new TextDecoder().decode(body))) };
}

/** Rewrites the stream event by event. */
function rewrittenFormat(
  contentType: string,
  revision: StreamRevision | undefined,
  rewrite: (event: StreamEvent) => Uint8Array | undefined,
): StreamFormat {
  const read = createEventReader();
  let completed = false;
  let errorCode: string | undefined;
  return {
    contentType,
    write(bytes) {
      return read(bytes).flatMap((event) => {
        if (event.type !== 'complete') return rewrite(event) ?? [];
        const { complete } = event;
        errorCode = complete.ErrorCode?.slice(0, MAX_ERROR_CODE);
        const written = rewrite({ type: 'complete', complete: revision?.complete(complete) ?? complete });
        completed = true;
        return written ?? [];
      });
    },
    get completed() {
      return completed;
    },
    get errorCode() {
      return errorCode;
    },
    breakOff: (complete) => rewrite({ type: 'complete', complete }),
  };
}

/** Decodes payload bytes as text. A character that is split between two chunks is part of the second chunk's text. */
function textOf(): (payload: Uint8Array) => string {
  const decoder = new TextDecoder();
  return (payload) => decoder.decode(payload, { stream: true });
}

/** Writes server-sent events (WHATWG HTML, section 9.2): a message per chunk, then a `complete` or `error` event. */
function sseFormat(revision?: StreamRevision): StreamFormat {
  const textOfPayload = textOf();
  const message = (text: string) => {
    const lines = text.split(/\r\n|\r|\n/);
    return `${lines.map((line) => `data: ${line}\n`).join('')}\n`;
  };
  // A CR at the end of a chunk may be the first half of a line end, so this CR is held until the next chunk.
  let held = '';
  return rewrittenFormat('text/event-stream', revision, (event) => {
    if (event.type === 'other') return undefined;
    if (event.type === 'complete') {
      const name = event.complete.ErrorCode === undefined ? 'complete' : 'error';
      const rest = held === '' ? '' : message(held);
      held = '';
      return utf8.encode(`${rest}event: ${name}\ndata: ${JSON.stringify(event.complete)}\n\n`);
    }
    const text = held + textOfPayload(event.payload);
    held = text.endsWith('\r') ? '\r' : '';
    const whole = text.slice(0, text.length - held.length);
    return whole === '' && held !== '' ? undefined : utf8.encode(message(whole));
  });
}

/** Writes lines of JSON. Each line is an object whose only key is the API's name of the event. */
function ndjsonFormat(revision?: StreamRevision): StreamFormat {
  const textOfPayload = textOf();
  return rewrittenFormat('application/x-ndjson', revision, (event) => {
    if (event.type === 'other') return undefined;
    const line =
      event.type === 'chunk'
        ? { PayloadChunk: { Payload: textOfPayload(event.payload) } }
        : { InvokeComplete: event.complete };
    return utf8.encode(`${JSON.stringify(line)}\n`);
  });
}

/** Writes only the payload's bytes. An error breaks the connection off, because this format has no other way to show it. */
function rawFormat(revision?: StreamRevision): StreamFormat {
  return rewrittenFormat('application/octet-stream', revision, (event) => {
    if (event.type === 'chunk') return event.payload;
    if (event.type === 'complete' && event.complete.ErrorCode !== undefined) {
      throw new Error('the stream ended with an error');
    }
    return undefined;
  });
}

const ownFormat = (revision?: StreamRevision) => (revision ? revisedFormat(revision) : passFormat());

const FORMATS: Readonly<Record<string, (revision?: StreamRevision) => StreamFormat>> = {
  'text/event-stream': sseFormat,
  'application/x-ndjson': ndjsonFormat,
  'application/octet-stream': rawFormat,
  [EVENT_STREAM]: ownFormat,
};
const ANY = new Set(['*/*', 'application/*']);

/**
 * Chooses the format that the caller asks for in `Accept` (RFC 9110, 12.5.1): of our formats, the one with the greatest
 * weight, or the first of equals. A named format wins over a wildcard of the same weight. A wildcard means the service's
 * own format, which SDKs read and which is also the default.
 */
export function chooseFormat(accept: string | undefined, revision?: StreamRevision): StreamFormat {
  let own = 0; // the greatest weight of a wildcard
  let chosen: string = EVENT_STREAM;
  let greatest = 0;
  for (const part of (accept ?? '').split(',')) {
    const [range = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = weightOf(parameters);
    if (ANY.has(range)) own = Math.max(own, weight);
    else if (Object.hasOwn(FORMATS, range) && weight > greatest) {
      greatest = weight;
      chosen = range;
    }
  }
  const write = FORMATS[own > greatest ? EVENT_STREAM : chosen] ?? ownFormat;
  return write(revision);
}

/** A media range's weight, from 0 to 1 (RFC 9110, 12.4.2). A missing or unreadable weight counts as 1. */
function weightOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const weight = text === undefined || text === '' ? 1 : Number(text);
  return weight >= 0 && weight <= 1 ? weight : 1;
}
