const BEARER = /^bearer +(\S+)$/i;

/** Returns the token of an `Authorization: Bearer` header (RFC 6750 section 2.1). Undefined for any other scheme or form. */
export const parseBearer = (authorization: string): string | undefined => BEARER.exec(authorization)?.[1];
