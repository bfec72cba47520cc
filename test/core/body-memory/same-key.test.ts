import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../../src/core/body-memory/body-memory.ts';
import {
  MAX_WAITING_OF_OWNER,
  MAX_WAITING_UNPROVED,
  SHORT_BODY_BYTES,
  TINY_BODY_BYTES,
} from '../../../src/core/body-memory/limits.ts';
import { type Plan, play } from './world.ts';

describe('A1: a caller that names the key id of another', () => {
  it('does not delay the smallest signed calls by longer bodies that never come', () => {
    const memory = new BodyMemory();
    const open = (mostBytes: number) => memory.open({ tenant: 'a', unprovedKey: 'k', mostBytes, nowMs: 0 });
    while (open(SHORT_BODY_BYTES)?.state === 'reading');
    for (let waiting = 1; waiting < MAX_WAITING_OF_OWNER; waiting++) open(SHORT_BODY_BYTES);
    expect(open(SHORT_BODY_BYTES)).toBeUndefined();
    expect(open(TINY_BODY_BYTES + 1)).toBeUndefined();
    expect(open(TINY_BODY_BYTES)?.state).toBe('reading');
  });

  it('needs more than a thousand connections to have them wait', () => {
    const memory = new BodyMemory();
    const open = (mostBytes: number) => memory.open({ tenant: 'a', unprovedKey: 'k', mostBytes, nowMs: 0 });
    let opened = 0;
    while (open(SHORT_BODY_BYTES)?.state === 'reading') opened++;
    while (open(TINY_BODY_BYTES)?.state === 'reading') opened++;
    expect(opened).toBeGreaterThan(1_000);
  });

  describe('from many networks', () => {
    const MB = 1_000_000;
    const LARGEST = 6_291_456;

    it.each([SHORT_BODY_BYTES, MB, LARGEST])('by bodies of %i bytes, takes nothing from other keys', (bytes) => {
      const memory = new BodyMemory();
      let networks = 0;
      const forge = () => {
        const upload = memory.open({
          tenant: 'a',
          unprovedKey: 'k',
          network: `${networks++}`,
          mostBytes: bytes,
          nowMs: 0,
        });
        upload?.hold(Math.min(bytes, SHORT_BODY_BYTES), 0);
        upload?.hold(bytes, 0);
      };
      while (networks < 2_000) forge();
      for (const other of ['l', 'm', 'n']) {
        for (const mostBytes of [TINY_BODY_BYTES, SHORT_BODY_BYTES, 300_000]) {
          const upload = memory.open({ tenant: 'a', unprovedKey: other, network: '1', mostBytes, nowMs: 0 });
          expect([upload?.state, upload?.hold(mostBytes, 0)]).toEqual(['reading', true]);
        }
      }
    });

    it('never pushes another key out of the line', () => {
      const memory = new BodyMemory();
      const open = (unprovedKey: string, network: string) =>
        memory.open({ tenant: 'a', unprovedKey, network, mostBytes: SHORT_BODY_BYTES, nowMs: 0 });
      for (const key of ['k', 'l']) for (let network = 0; network < 300; network++) open(key, `${network}`);
      const waits = open('m', '1');
      for (let network = 300; network < 300 + MAX_WAITING_UNPROVED; network++) open('k', `${network}`);
      expect(waits?.state === 'waiting' || waits?.state === 'reading').toBe(true);
    });

    it('leaves room for its signed calls from elsewhere', () => {
      const forged: Plan = {
        ...{ atMs: 0, tenant: 0, kind: 'forged', network: 'one', bytes: LARGEST, declared: true },
        ...{ inPerSecond: 0.2 * MB, outPerSecond: MB, breaksAfterMs: undefined },
      };
      const honest: Plan = { ...forged, atMs: 2_000, kind: 'signed', network: 'elsewhere', inPerSecond: 10 * MB };
      const { seen, wrong } = play([...Array.from({ length: 40 }, () => forged), honest]);
      const call = seen.find(({ plan }) => plan.kind !== 'forged');
      expect(wrong).toEqual([]);
      expect([call?.beganAtMs, call?.end]).toEqual([2_000, 'sent']);
      expect(call?.cameAtMs).toBeLessThan(4_000);
    });
  });
});
