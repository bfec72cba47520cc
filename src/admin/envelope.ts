import type { Envelope } from '../edge/envelope.ts';
import type { Admin } from '../operator/access.ts';

/** Where the admin API is mounted. */
export const ADMIN_PATH = '/admin/v1';

/** What the admin API knows of a request. */
export interface AdminEnvelope {
  /** `admin` is absent until a token has been proved. */
  Variables: Envelope['Variables'] & { admin: Admin | undefined };
}
