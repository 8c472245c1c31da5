// `npm run test:long`: what takes longer than a build may. The property tests of types, ids and engines with other values each time, and
// with ten times as many tables; and five rounds of everything that is done to real processes (`test/chaos`).
process.env.MONGOLAKE_TEST_SEED ??= 'random';
process.env.MONGOLAKE_TEST_RUNS ??= '300';
process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ??= '5';
process.env.MONGOLAKE_TEST_SERVICES ??= 'redis,s3,mongodb,readers';
process.argv.push('test/worker/thread/engine-property.test.ts', 'test/shared/domain', 'test/chaos');
await import('./test.mjs');
