/** One page of a list. `next` is the cursor for the next page, or null on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
