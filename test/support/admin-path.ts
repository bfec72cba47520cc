/** Where the admin API is. */
export const ADMIN_PATH = '/admin/v1';

/** True if a path, with or without its query, is one of the admin API. */
export const isAdminPath = (path: string): boolean => /^\/admin\/v1(?=[/?]|$)/.test(path);
