import { describe, expect, it } from 'vitest';
import { BodyMemory } from '../../../src/core/body-memory/body-memory.ts';
import { MAX_WAITING_OF_OWNER, SHORT_BODY_BYTES, TINY_BODY_BYTES } from '../../../src/core/body-memory/limits.ts';

describe('A1: whoever names the key id of another', () => {
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
});
