/** The data of a job that merges partition 3. */
export const MERGE_JOB = {
  kind: 'merge',
  id: 'r1-merge-3',
  pipeline: 'guest',
  collection: 'notifications',
  run: 'r1',
  priority: 1,
  partition: 3,
} as const;
