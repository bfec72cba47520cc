import { describe, expect, it } from 'vitest';
import { sendPieces } from '../../src/upstream/send-pieces.ts';

const payloadOf = (length: number) => new Uint8Array(length).map((_, at) => at % 251);

/** Starts to send a payload, and counts what is said about it. */
function start(length: number, maxStallMs = 5_000) {
  const payload = payloadOf(length);
  const seen = { sent: 0, stalls: 0 };
  const body = sendPieces(payload, {
    onSent: (bytes) => {
      seen.sent += bytes;
    },
    onStall: () => {
      seen.stalls++;
    },
    maxStallMs,
  });
  return { payload, body, seen };
}

describe('sendPieces', () => {
  it.each([2, 3, 65_537, 262_144, 262_145, 1_000_000, 6_291_456])('hands over %i bytes as they are', async (length) => {
    const { body, seen, payload } = start(length);
    expect(payload.byteLength).toBe(0); // nobody else holds them any more
    const got = new Uint8Array(await new Response(body.readable).arrayBuffer());
    await body.ended;
    expect(got.byteLength).toBe(length);
    expect(got.findIndex((byte, at) => byte !== at % 251)).toBe(-1);
    expect({ ...seen, handedOver: body.handedOver }).toEqual({ sent: length, stalls: 0, handedOver: true });
  });

  it('holds the last piece back until the ones before it have been taken', async () => {
    const { body, seen } = start(1_000_000);
    const reader = body.readable.getReader({ mode: 'byob' });
    let read = 0;
    for (let buffer = new ArrayBuffer(16_384); read < 1_000_000; ) {
      // The last piece is what is left behind three of 256 KiB.
      if (read < 3 * 262_144 - 16_384) expect(body.handedOver).toBe(false);
      const { value } = await reader.read(new Uint8Array(buffer));
      if (!value) break;
      read += value.byteLength;
      buffer = value.buffer as ArrayBuffer;
    }
    await body.ended;
    expect([read, seen.sent, body.handedOver]).toEqual([1_000_000, 1_000_000, true]);
  });

  it('hands nothing over any more once it was stopped, and accounts for every byte', async () => {
    const { body, seen } = start(1_000_000);
    const reader = body.readable.getReader();
    await reader.read();
    body.stop();
    await body.ended;
    expect({ ...seen, handedOver: body.handedOver }).toEqual({ sent: 1_000_000, stalls: 0, handedOver: false });
  });

  it.each([
    ['nobody reads', 1, () => {}],
    ['the reader goes away', 0, (readable: ReadableStream) => void readable.cancel().catch(() => {})],
  ])('ends by itself when %s', async (_, stalls, read) => {
    const { body, seen } = start(1_000_000, 50);
    read(body.readable);
    await body.ended;
    expect({ ...seen, handedOver: body.handedOver }).toEqual({ sent: 1_000_000, stalls, handedOver: false });
  });
});
