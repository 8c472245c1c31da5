// `npm run test:long`: what takes longer than a build may. The property tests of types, ids and engines with other values each time, and
// with ten times as many tables; five rounds of everything that is done to real processes (`test/chaos`); and readers beside 200 commits.
process.env.MONGOLAKE_TEST_SEED ??= 'random';
process.env.MONGOLAKE_TEST_RUNS ??= '300';
process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ??= '5';
process.env.MONGOLAKE_TEST_COMMITS ??= '200';
process.env.MONGOLAKE_TEST_SERVICES ??= 'redis,s3,mongodb,readers';
process.argv.push('test/worker/thread/engine-property.test.ts', 'test/shared/domain', 'test/chaos');
process.argv.push('test/e2e/readers-in-a-loop.services.test.ts');
await import('./test.mjs');
