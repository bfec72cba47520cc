import { afterAll, afterEach, expect } from 'vitest';
import { watchAdminAnswers } from './watch-admin-answers.ts';

// Loaded before each file of the `node` project: whatever a test asks the admin API, the answer is as described.
const watch = watchAdminAnswers();
const assertDescribed = async () => {
  await watch.settled();
  expect(watch.takeFaults()).toEqual([]);
};
afterEach(assertDescribed);
afterAll(assertDescribed);
