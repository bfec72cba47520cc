import {
  createEventReader,
  EVENT_STREAM,
  encodeComplete,
  type InvokeComplete,
  type StreamEvent,
} from './event-stream.ts';
import { createFrameTracker } from './frame-tracker.ts';

/** How a stream is written for a caller. */
export interface StreamFormat {
  readonly contentType: string;
  /** What goes out for bytes that came in. */
  write(bytes: Uint8Array): Uint8Array[];
  /** Whether the service's own end has gone out. */
  readonly completed: boolean;
  /** What goes out to say that the stream broke off. Undefined, or throws, where only breaking off too can show it. */
  breakOff(complete: InvokeComplete): Uint8Array | undefined;
}

const utf8 = new TextEncoder();

/** The stream as it came: bytes go out as they come in. */
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
    breakOff: (complete) => (tracker.atBoundary ? encodeComplete(complete) : undefined),
  };
}

/** A stream rewritten event by event. */
function rewrittenFormat(contentType: string, rewrite: (event: StreamEvent) => Uint8Array | undefined): StreamFormat {
  const read = createEventReader();
  let completed = false;
  return {
    contentType,
    write(bytes) {
      return read(bytes).flatMap((event) => {
        if (event.type === 'complete') completed = true;
        return rewrite(event) ?? [];
      });
    },
    get completed() {
      return completed;
    },
    breakOff: (complete) => rewrite({ type: 'complete', complete }),
  };
}

/** Payload bytes as text: a character that two chunks share goes with the second. */
function textOf(): (event: StreamEvent) => string {
  const decoder = new TextDecoder();
  return (event) => (event.type === 'chunk' ? decoder.decode(event.payload, { stream: true }) : '');
}

/** Server-sent events (WHATWG HTML, section 9.2): a chunk is a message; the end is a `complete` or an `error`. */
function sseFormat(): StreamFormat {
  const text = textOf();
  return rewrittenFormat('text/event-stream', (event) => {
    if (event.type === 'complete') {
      const name = event.complete.ErrorCode === undefined ? 'complete' : 'error';
      return utf8.encode(`event: ${name}\ndata: ${JSON.stringify(event.complete)}\n\n`);
    }
    const lines = text(event).split(/\r\n|\r|\n/);
    return utf8.encode(`${lines.map((line) => `data: ${line}\n`).join('')}\n`);
  });
}

/** Lines of JSON, named like the events of the API. */
function ndjsonFormat(): StreamFormat {
  const text = textOf();
  return rewrittenFormat('application/x-ndjson', (event) => {
    const line =
      event.type === 'chunk' ? { PayloadChunk: { Payload: text(event) } } : { InvokeComplete: event.complete };
    return utf8.encode(`${JSON.stringify(line)}\n`);
  });
}

/** The payload's bytes and nothing else. An error can only be shown by not ending well: the connection breaks off. */
function rawFormat(): StreamFormat {
  return rewrittenFormat('application/octet-stream', (event) => {
    if (event.type === 'chunk') return event.payload;
    if (event.complete.ErrorCode !== undefined) throw new Error('the stream ended with an error');
    return undefined;
  });
}

const REWRITTEN: Readonly<Record<string, () => StreamFormat>> = {
  'text/event-stream': sseFormat,
  'application/x-ndjson': ndjsonFormat,
  'application/octet-stream': rawFormat,
};

/** The format that a caller asks for by `Accept`: the first that we write, else the service's own, which SDKs read. */
export function chooseFormat(accept: string | undefined): StreamFormat {
  for (const part of (accept ?? '').split(',')) {
    const type = (part.split(';')[0] ?? '').trim().toLowerCase();
    if (type === EVENT_STREAM) break;
    const format = Object.hasOwn(REWRITTEN, type) ? REWRITTEN[type] : undefined;
    if (format) return format();
  }
  return passFormat();
}
