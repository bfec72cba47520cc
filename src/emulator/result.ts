import type { Refusal } from './refusal.ts';

/** What a step came to: its value, or the refusal that ends the call. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** Wraps a value that a step came to. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Wraps the refusal that ends the call. */
export function err(refusal: Refusal): Result<never> {
  return { ok: false, refusal };
}
