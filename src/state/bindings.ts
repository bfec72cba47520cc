/** The Durable Object class for each binding in `wrangler.toml`. */
export const OBJECT_CLASSES = { TENANT: 'Tenant', DIRECTORY: 'Directory' } as const;
