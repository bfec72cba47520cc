/** One step of an object's schema: SQL statements, run once, in order. Never change a step that has been released. */
export type Migration = string;
