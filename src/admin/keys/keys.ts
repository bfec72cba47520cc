import { createKey, listKeys, type MintedKey, revokeKey, rotateKey } from '../../operator/keys.ts';
import type { KeyRecord } from '../../state/tenant/key-store.ts';
import { answerWith, type Handlers } from '../handler.ts';
import { toIso, toIsoOrNull, toMsOrNull } from '../timestamp.ts';
import type { KEY_OPERATIONS } from './operations.ts';

const showKey = ({ createdAtMs, expiresAtMs, lastUsedAtMs, ...key }: KeyRecord) => ({
  ...key,
  createdAt: toIso(createdAtMs),
  expiresAt: toIsoOrNull(expiresAtMs),
  lastUsedAt: toIsoOrNull(lastUsedAtMs),
});

const showMinted = ({ apiKey, secretAccessKey, ...key }: MintedKey) => ({
  ...showKey(key),
  apiKey,
  accessKeyId: key.id,
  secretAccessKey,
});

export const keys: Handlers<typeof KEY_OPERATIONS> = {
  createKey: async (ports, { admin, params, body }) =>
    answerWith(await createKey(ports, admin, params.tenantId, body.name, toMsOrNull(body.expiresAt)), showMinted),
  rotateKey: async (ports, { admin, params, body }) =>
    answerWith(await rotateKey(ports, admin, params.tenantId, params.keyId, body.graceSeconds), showMinted),
  listKeys: async (ports, { admin, params, query }) =>
    answerWith(await listKeys(ports, admin, params.tenantId, query.cursor, query.limit), ({ items, next }) => ({
      keys: items.map(showKey),
      cursor: next,
    })),
  revokeKey: (ports, { admin, params }) => revokeKey(ports, admin, params.tenantId, params.keyId),
};
