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
  it.each([2, 3, 65_537, 1_048_576, 1_048_577, 2_097_153, 6_291_456])(
    'hands over %i bytes as they are',
    async (length) => {
      const { body, seen, payload } = start(length);
      expect(payload.byteLength).toBe(0); // nobody else holds them any more
      const got = new Uint8Array(await new Response(body.readable).arrayBuffer());
      await body.ended;
      expect(got.byteLength).toBe(length);
      expect(got.findIndex((byte, at) => byte !== at % 251)).toBe(-1);
      expect({ ...seen, handedOver: body.handedOver }).toEqual({ sent: length, stalls: 0, handedOver: true });
    },
  );

  it.each([1_000_000, 3_000_000])(
    'holds the last 16 KiB of %i bytes back until all before have been taken',
    async (length) => {
      const { body, seen } = start(length);
      const reader = body.readable.getReader({ mode: 'byob' });
      let read = 0;
      for (let buffer = new ArrayBuffer(16_384); read < length; ) {
        if (read < length - 2 * 16_384) expect(body.handedOver).toBe(false);
        const { value } = await reader.read(new Uint8Array(buffer));
        if (!value) break;
        read += value.byteLength;
        buffer = value.buffer as ArrayBuffer;
      }
      await body.ended;
      expect([read, seen.sent, body.handedOver]).toEqual([length, length, true]);
    },
  );

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
