/** Always throws an error. */
export const handler = async () => {
  throw new Error('This function always fails.');
};
