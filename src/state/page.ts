/** One page of a list, and where the next begins. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
