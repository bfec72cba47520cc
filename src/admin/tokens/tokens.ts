import { createAdminToken, listAdminTokens, revokeAdminToken } from '../../operator/tokens.ts';
import type { AdminTokenRecord } from '../../state/directory/directory.ts';
import { answerWith, type Handlers } from '../handler.ts';
import { toIso, toIsoOrNull, toMsOrNull } from '../timestamp.ts';
import type { TOKEN_OPERATIONS } from './operations.ts';

const showToken = ({ createdAtMs, expiresAtMs, ...token }: AdminTokenRecord) => ({
  ...token,
  createdAt: toIso(createdAtMs),
  expiresAt: toIsoOrNull(expiresAtMs),
});

export const tokens: Handlers<typeof TOKEN_OPERATIONS> = {
  createAdminToken: async (ports, { admin, body: { name, access, expiresAt } }) =>
    answerWith(await createAdminToken(ports, admin, name, access, toMsOrNull(expiresAt)), ({ token, ...record }) => ({
      ...showToken(record),
      token,
    })),
  listAdminTokens: async (ports, { admin }) =>
    answerWith(await listAdminTokens(ports, admin), (records) => ({ adminTokens: records.map(showToken) })),
  revokeAdminToken: (ports, { admin, params }) => revokeAdminToken(ports, admin, params.adminTokenId),
};
