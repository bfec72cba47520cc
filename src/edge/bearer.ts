const BEARER = /^bearer +(\S+)$/i;

/** The token of an `Authorization` header of the Bearer scheme (RFC 6750 section 2.1). Undefined for anything else. */
export const parseBearer = (authorization: string): string | undefined => BEARER.exec(authorization)?.[1];
