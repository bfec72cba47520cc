import type { Refusal } from './refusal.ts';

/** The outcome of a step: its value, or the refusal that ends the call. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** Wraps the value of a step. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Wraps the refusal that ends the call. */
export function err(refusal: Refusal): Result<never> {
  return { ok: false, refusal };
}
