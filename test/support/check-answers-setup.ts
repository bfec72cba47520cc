import { afterAll, afterEach, expect } from 'vitest';
import { watchAdminAnswers } from './watch-admin-answers.ts';

/** Loaded before each file of the `node` project: each answer of the admin API that a test gets is as described. */
export const watch = watchAdminAnswers();
const assertDescribed = async () => {
  await watch.settled();
  expect(watch.takeFaults()).toEqual([]);
};
afterEach(assertDescribed);
afterAll(assertDescribed);
