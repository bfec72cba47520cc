/** The value that such a part of sorted values is at most. */
export const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;

/** The middle one of some values. */
export const median = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

/** How much y grows for each one of x, by least squares. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const mean = (pick: 0 | 1) => points.reduce((sum, point) => sum + point[pick], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  let shared = 0;
  let own = 0;
  for (const [x, y] of points) {
    shared += (x - meanX) * (y - meanY);
    own += (x - meanX) ** 2;
  }
  return shared / own;
}
