// `npm run test:long`: what takes longer than a build may. The property tests of types, ids and engines with other values each time, and
// with ten times as many tables.
process.env.MONGOLAKE_TEST_SEED ??= 'random';
process.env.MONGOLAKE_TEST_RUNS ??= '300';
process.argv.push('--project', 'unit', 'test/worker/thread/engine-property.test.ts', 'test/shared/domain');
await import('./test.mjs');
