/** The Durable Objects: under which binding of `wrangler.toml` each class is found. */
export const OBJECT_CLASSES = { TENANT: 'Tenant', DIRECTORY: 'Directory' } as const;
