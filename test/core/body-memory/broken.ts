import { BODY_MEMORY_LIMITS } from '../../../src/core/body-memory/limits.ts';
import type { Broken } from './world.ts';

const { provedLong } = BODY_MEMORY_LIMITS;
let uploads = 0;

/** Memories that break a promise, each by what it does wrong. */
export const BROKEN = {
  'each upload counts as a tenant of its own': {
    open: (memory, request) => {
      uploads += 1;
      return memory.open({ ...request, tenant: `${request.tenant} ${uploads}` });
    },
  },

  'unproved callers use the memory of proved ones': {
    open: (memory, request) => memory.open({ ...request, unprovedKey: undefined }),
  },

  'a call that breaks off while it waits stays in line': {
    close: (upload, nowMs) => {
      if (upload.state !== 'waiting') upload.close(nowMs);
    },
  },

  'a body that breaks off on its way out keeps its bytes': {
    close: (upload, nowMs) => {
      if (upload.state !== 'whole' || upload.heldBytes === 0) upload.close(nowMs);
    },
  },

  'bytes are given back twice': {
    release: (upload, bytes, nowMs) => {
      upload.release(bytes, nowMs);
      upload.release(bytes, nowMs);
    },
  },

  'slow uploads lend all that they do not use': {
    limits: { ...BODY_MEMORY_LIMITS, provedLong: { ...provedLong, maxClaimBytes: 0 } },
  },
} satisfies Record<string, Broken>;

export type BrokenMemory = keyof typeof BROKEN;
