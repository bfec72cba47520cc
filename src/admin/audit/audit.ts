import { readAudit, readGatewayAudit } from '../../operator/audit.ts';
import type { AuditDetail, AuditEntry } from '../../state/audit-trail.ts';
import type { Page } from '../../state/page.ts';
import { answerWith, type Handlers } from '../handler.ts';
import { toIso, toIsoOrNull } from '../timestamp.ts';
import type { AUDIT_OPERATIONS } from './operations.ts';

const showKey = ({ expiresAtMs, ...key }: NonNullable<AuditDetail['key']>) => ({
  ...key,
  ...(expiresAtMs !== undefined && { expiresAt: toIsoOrNull(expiresAtMs) }),
});

function showEntry({ atMs, detail, ...entry }: AuditEntry) {
  const { key, changes, ...rest } = JSON.parse(detail) as AuditDetail;
  return {
    ...entry,
    at: toIso(atMs),
    ...rest,
    ...(changes && { changes: [...changes] }),
    ...(key && { key: showKey(key) }),
  };
}

const showPage = ({ items, next }: Page<AuditEntry>) => ({ entries: items.map(showEntry), cursor: next });

export const audit: Handlers<typeof AUDIT_OPERATIONS> = {
  readAudit: async (ports, { admin, params, query: { cursor, limit } }) =>
    answerWith(await readAudit(ports, admin, params.tenantId, cursor, limit), showPage),
  readGatewayAudit: async (ports, { admin, query: { cursor, limit } }) =>
    answerWith(await readGatewayAudit(ports, admin, cursor, limit), showPage),
};
